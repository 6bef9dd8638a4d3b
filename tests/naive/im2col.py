"""Im2col, element by element, over any number of spatial axes."""

import numpy as np


def forward(bottom, kernel, stride, pad, dilation):
    num, channels = bottom.shape[:2]
    spatial = bottom.shape[2:]
    pooled = [(n + 2 * p - d * (k - 1) - 1) // s + 1 for n, k, s, p, d in zip(spatial, kernel, stride, pad, dilation)]
    top = np.zeros((num, channels, *kernel, *pooled))
    for n, c in np.ndindex(num, channels):
        for tap in np.ndindex(*kernel):
            for place in np.ndindex(*pooled):
                pixel = tuple(o * s - p + k * d for o, s, p, k, d in zip(place, stride, pad, tap, dilation))
                if all(0 <= i < size for i, size in zip(pixel, spatial)):
                    top[(n, c, *tap, *place)] = bottom[(n, c, *pixel)]
    return top.reshape((num, -1, *pooled))


def backward(shape, top_diff, kernel, stride, pad, dilation):
    """Each pixel's sum over its copies."""
    numbers = np.arange(1.0, np.prod(shape) + 1).reshape(shape)
    sources = forward(numbers, kernel, stride, pad, dilation).astype(int)
    bottom_diff = np.zeros(shape).reshape(-1)
    for source, diff in zip(sources.reshape(-1), top_diff.reshape(-1)):
        if source:
            bottom_diff[source - 1] += diff
    return bottom_diff.reshape(shape)
