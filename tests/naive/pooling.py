"""Pooling, one window at a time. ``kernel``, ``stride`` and ``pad`` are pairs."""

import math

import numpy as np

LEAST = np.finfo(np.float32).min


def pooled_size(size, kernel, stride, pad, floor, any_pad):
    pooled = (math.floor if floor else math.ceil)((size + 2 * pad - kernel) / stride) + 1
    if any_pad and (pooled - 1) * stride >= size + pad:
        pooled -= 1
    return pooled


def windows(shape, kernel, stride, pad, floor=False):
    """Every (top index, pixels of its window row by row, size with padding)."""
    num, channels, height, width = shape
    pooled = [pooled_size(shape[2 + i], kernel[i], stride[i], pad[i], floor, any(pad)) for i in range(2)]
    for n, c, oh, ow in np.ndindex(num, channels, *pooled):
        top, left = oh * stride[0] - pad[0], ow * stride[1] - pad[1]
        bottom, right = min(top + kernel[0], height + pad[0]), min(left + kernel[1], width + pad[1])
        pixels = [
            (n, c, h, w)
            for h in range(max(top, 0), min(bottom, height))
            for w in range(max(left, 0), min(right, width))
        ]
        yield (n, c, oh, ow), pixels, (bottom - top) * (right - left)


def top_shape(cases):
    return tuple(np.max([at for at, _, _ in cases], axis=0) + 1)


def max_pooling(bottom, kernel, stride, pad, floor=False):
    """(top, mask); the mask holds places in the plane."""
    cases = list(windows(bottom.shape, kernel, stride, pad, floor))
    top, mask = np.full(top_shape(cases), LEAST, bottom.dtype), np.full(top_shape(cases), -1)
    for at, pixels, _ in cases:
        for pixel in pixels:
            if bottom[pixel] > top[at]:
                top[at], mask[at] = bottom[pixel], pixel[2] * bottom.shape[3] + pixel[3]
    return top, mask


def max_pooling_backward(top_diff, mask, shape):
    bottom_diff = np.zeros(shape)
    for n, c, oh, ow in np.ndindex(*top_diff.shape):
        place = int(mask[n, c, oh, ow])
        if place >= 0:
            bottom_diff[n, c, place // shape[3], place % shape[3]] += top_diff[n, c, oh, ow]
    return bottom_diff


def average_pooling(bottom, kernel, stride, pad, floor=False):
    cases = list(windows(bottom.shape, kernel, stride, pad, floor))
    top = np.zeros(top_shape(cases))
    for at, pixels, size in cases:
        top[at] = sum(float(bottom[pixel]) for pixel in pixels) / size
    return top


def average_pooling_backward(top_diff, shape, kernel, stride, pad, floor=False):
    bottom_diff = np.zeros(shape)
    for at, pixels, size in windows(shape, kernel, stride, pad, floor):
        for pixel in pixels:
            bottom_diff[pixel] += top_diff[at] / size
    return bottom_diff
