"""Local response normalization, across channels and within a channel.

    scale = k + alpha / n * sum over the window of bottom ** 2
    top = bottom * scale ** -beta
    ratio = top_diff * top / scale
    bottom_diff = top_diff * scale ** -beta - 2 alpha beta / n * bottom * sum over the window of ratio

Across channels the window is ``size`` channels and n = size; within a channel it is size x size pixels,
n = size ** 2 and k = 1. Windows are cut off at the borders, n stays (Caffe's average pooling counts padding).

``coefficient`` is alpha / n and ``factor`` 2 alpha beta / n. They, ``beta`` and ``shift`` (k) have the arrays' dtype,
as have the sums.
Source: Caffe src/caffe/layers/lrn_layer.cpp:107-247.
"""

from __future__ import annotations

import numpy as np

from netdef.kernels._jit import kernel, prange

BLOCK = 256  # columns at a time: a block of all channels stays in the cache
CHUNKS = 16  # parts that the work is cut into; each has a buffer of its own


@kernel
def inverse_power(scale, beta):
    """scale ** -beta; square roots where they do, many times faster than a power."""
    if beta == 0.75:
        root = np.sqrt(scale)
        return np.sqrt(root) / scale
    if beta == 0.5:
        return np.sqrt(scale) / scale
    return scale**-beta


@kernel(parallel=True)
def lrn_across_forward(bottom_data, half, coefficient, shift, beta, scale, top_data):
    """All arrays (num, channels, inner); ``half`` is the number of channels to either side, (size - 1) / 2."""
    num, channels, inner = bottom_data.shape
    blocks = (inner + BLOCK - 1) // BLOCK
    for unit in prange(num * blocks):
        n = unit // blocks
        begin = (unit - n * blocks) * BLOCK
        end = min(begin + BLOCK, inner)
        for c in range(channels):
            for j in range(begin, end):
                scale[n, c, j] = shift
            for d in range(max(c - half, 0), min(c + half + 1, channels)):
                for j in range(begin, end):
                    scale[n, c, j] += coefficient * bottom_data[n, d, j] * bottom_data[n, d, j]
            for j in range(begin, end):
                top_data[n, c, j] = bottom_data[n, c, j] * inverse_power(scale[n, c, j], beta)


@kernel(parallel=True)
def lrn_across_backward(bottom_data, top_data, top_diff, scale, half, factor, beta, ratio, bottom_diff):
    """Arrays as in `lrn_across_forward`; ratio : (CHUNKS, channels, BLOCK), working space."""
    num, channels, inner = bottom_data.shape
    blocks = (inner + BLOCK - 1) // BLOCK
    units = num * blocks
    chunks = ratio.shape[0]
    for chunk in prange(chunks):
        for unit in range(units * chunk // chunks, units * (chunk + 1) // chunks):
            n = unit // blocks
            begin = (unit - n * blocks) * BLOCK
            end = min(begin + BLOCK, inner)
            for c in range(channels):
                for j in range(begin, end):
                    ratio[chunk, c, j - begin] = top_diff[n, c, j] * top_data[n, c, j] / scale[n, c, j]
            for c in range(channels):
                for j in range(begin, end):
                    bottom_diff[n, c, j] = 0
                for d in range(max(c - half, 0), min(c + half + 1, channels)):
                    for j in range(begin, end):
                        bottom_diff[n, c, j] += ratio[chunk, d, j - begin]
                for j in range(begin, end):
                    bottom_diff[n, c, j] = (
                        top_diff[n, c, j] * inverse_power(scale[n, c, j], beta)
                        - factor * bottom_data[n, c, j] * bottom_diff[n, c, j]
                    )


@kernel(parallel=True)
def lrn_within_forward(bottom_data, half, coefficient, shift, beta, scale, top_data):
    """All arrays (planes, height, width), planes = num * channels; ``half`` pixels to either side."""
    planes, height, width = bottom_data.shape
    for p in prange(planes):
        for h in range(height):
            for w in range(width):
                scale[p, h, w] = shift
            for y in range(max(h - half, 0), min(h + half + 1, height)):
                for offset in range(-half, half + 1):
                    for w in range(max(-offset, 0), min(width - offset, width)):
                        scale[p, h, w] += coefficient * bottom_data[p, y, w + offset] * bottom_data[p, y, w + offset]
            for w in range(width):
                top_data[p, h, w] = bottom_data[p, h, w] * inverse_power(scale[p, h, w], beta)


@kernel(parallel=True)
def lrn_within_backward(bottom_data, top_data, top_diff, scale, half, factor, beta, ratio, bottom_diff):
    """Arrays as in `lrn_within_forward`; ratio : (CHUNKS, height, width), working space."""
    planes, height, width = bottom_data.shape
    chunks = ratio.shape[0]
    for chunk in prange(chunks):
        for p in range(planes * chunk // chunks, planes * (chunk + 1) // chunks):
            for h in range(height):
                for w in range(width):
                    ratio[chunk, h, w] = top_diff[p, h, w] * top_data[p, h, w] / scale[p, h, w]
            for h in range(height):
                for w in range(width):
                    bottom_diff[p, h, w] = 0
                for y in range(max(h - half, 0), min(h + half + 1, height)):
                    for offset in range(-half, half + 1):
                        for w in range(max(-offset, 0), min(width - offset, width)):
                            bottom_diff[p, h, w] += ratio[chunk, y, w + offset]
                for w in range(width):
                    bottom_diff[p, h, w] = (
                        top_diff[p, h, w] * inverse_power(scale[p, h, w], beta)
                        - factor * bottom_data[p, h, w] * bottom_diff[p, h, w]
                    )
