"""LRN pixel by pixel; windows are lists of indices."""

import numpy as np


def window_across(shape, index, size):
    n, c, h, w = index
    half = size // 2
    return [(n, d, h, w) for d in range(c - half, c + half + 1) if 0 <= d < shape[1]]


def window_within(shape, index, size):
    n, c, h, w = index
    half = size // 2
    return [
        (n, c, y, x)
        for y in range(h - half, h + half + 1)
        for x in range(w - half, w + half + 1)
        if 0 <= y < shape[2] and 0 <= x < shape[3]
    ]


def settings(within, size, k):
    return (window_within, size * size, 1.0) if within else (window_across, size, k)


def scales(bottom, within, size, alpha, k):
    window, elements, shift = settings(within, size, k)
    scale = np.empty(bottom.shape)
    for index in np.ndindex(*bottom.shape):
        squares = sum(float(bottom[i]) ** 2 for i in window(bottom.shape, index, size))
        scale[index] = shift + alpha / elements * squares
    return scale


def lrn(bottom, within=False, size=5, alpha=1.0, beta=0.75, k=1.0):
    return bottom * scales(bottom, within, size, alpha, k) ** -beta


def lrn_backward(bottom, top_diff, within=False, size=5, alpha=1.0, beta=0.75, k=1.0):
    """Each top's gradient sent to every bottom in its window."""
    window, elements, _ = settings(within, size, k)
    scale = scales(bottom, within, size, alpha, k)
    bottom_diff = top_diff * scale**-beta
    for index in np.ndindex(*bottom.shape):
        slope = -beta * scale[index] ** (-beta - 1) * bottom[index] * top_diff[index]
        for i in window(bottom.shape, index, size):
            bottom_diff[i] += slope * alpha / elements * 2 * bottom[i]
    return bottom_diff
