"""Local response normalization, across channels and within a channel.

    scale = k + alpha / n * sum over the window of bottom ** 2
    top = bottom * scale ** -beta
    ratio = top_diff * top / scale
    bottom_diff = top_diff * scale ** -beta - 2 alpha beta / n * bottom * sum over the window of ratio

Across channels the window is ``size`` channels and n = size; within a channel it is size x size pixels,
n = size ** 2 and k = 1. Windows are cut off at the borders, n stays (Caffe's average pooling counts padding).

``coefficient`` is alpha / n and ``factor`` 2 alpha beta / n. They, ``beta`` and ``shift`` (k) have the arrays' dtype,
as have the sums. Windows are summed row by row, each row a slice: its loop then runs in vector registers, three
times as fast as one that indexes the whole array.
Source: Caffe src/caffe/layers/lrn_layer.cpp:107-247.
"""

from __future__ import annotations

import numpy as np

from netdef.kernels._jit import kernel, prange

BLOCK = 256  # columns at a time: a block of all channels stays in the cache
CHUNKS = 16  # parts that the backward work is cut into; each has a buffer of its own


@kernel
def inverse_power(scale, beta, power):
    """power = scale ** -beta on rows; by square roots where they do, many times faster."""
    if beta == 0.75:
        for j in range(scale.size):
            power[j] = np.sqrt(np.sqrt(scale[j])) / scale[j]
    elif beta == 0.5:
        for j in range(scale.size):
            power[j] = np.sqrt(scale[j]) / scale[j]
    else:
        for j in range(scale.size):
            power[j] = scale[j] ** -beta


@kernel
def add_squares(bottom_row, coefficient, scale_row):
    """scale += coefficient * bottom ** 2, on rows."""
    for j in range(bottom_row.size):
        scale_row[j] += coefficient * bottom_row[j] * bottom_row[j]


@kernel
def normalize_row(bottom_row, scale_row, beta, top_row):
    """top = bottom * scale ** -beta, on rows."""
    inverse_power(scale_row, beta, top_row)
    for j in range(bottom_row.size):
        top_row[j] *= bottom_row[j]


@kernel
def ratio_row(top_diff, top_data, scale, ratio):
    """ratio = top_diff * top_data / scale, on rows."""
    for j in range(top_diff.size):
        ratio[j] = top_diff[j] * top_data[j] / scale[j]


@kernel
def add_row(row, total):
    """total += row."""
    for j in range(row.size):
        total[j] += row[j]


@kernel
def combine_row(bottom_data, top_diff, ratio_sum, factor, bottom_diff):
    """bottom_diff, which holds scale ** -beta, becomes top_diff * bottom_diff - factor * bottom_data * ratio_sum."""
    for j in range(bottom_data.size):
        bottom_diff[j] = top_diff[j] * bottom_diff[j] - factor * bottom_data[j] * ratio_sum[j]


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
            scale_row = scale[n, c, begin:end]
            for j in range(scale_row.size):
                scale_row[j] = shift
            for d in range(max(c - half, 0), min(c + half + 1, channels)):
                add_squares(bottom_data[n, d, begin:end], coefficient, scale_row)
            normalize_row(bottom_data[n, c, begin:end], scale_row, beta, top_data[n, c, begin:end])


@kernel(parallel=True)
def lrn_across_backward(bottom_data, top_data, top_diff, scale, half, factor, beta, ratio, bottom_diff):
    """Arrays as in `lrn_across_forward`; ratio : (CHUNKS, channels + 1, BLOCK), working space."""
    num, channels, inner = bottom_data.shape
    blocks = (inner + BLOCK - 1) // BLOCK
    units = num * blocks
    chunks = ratio.shape[0]
    for chunk in prange(chunks):
        for unit in range(units * chunk // chunks, units * (chunk + 1) // chunks):
            n = unit // blocks
            begin = (unit - n * blocks) * BLOCK
            end = min(begin + BLOCK, inner)
            total = ratio[chunk, channels, 0 : end - begin]
            for c in range(channels):
                rows = top_diff[n, c, begin:end], top_data[n, c, begin:end], scale[n, c, begin:end]
                ratio_row(rows[0], rows[1], rows[2], ratio[chunk, c, 0 : end - begin])
            for c in range(channels):
                for j in range(total.size):
                    total[j] = 0
                for d in range(max(c - half, 0), min(c + half + 1, channels)):
                    add_row(ratio[chunk, d, 0 : end - begin], total)
                diff_row = bottom_diff[n, c, begin:end]
                inverse_power(scale[n, c, begin:end], beta, diff_row)
                combine_row(bottom_data[n, c, begin:end], top_diff[n, c, begin:end], total, factor, diff_row)


@kernel(parallel=True)
def lrn_within_forward(bottom_data, half, coefficient, shift, beta, scale, top_data):
    """All arrays (planes, height, width), planes = num * channels; ``half`` pixels to either side."""
    planes, height, width = bottom_data.shape
    for p in prange(planes):
        for h in range(height):
            for w in range(width):
                scale[p, h, w] = shift
            for y in range(max(h - half, 0), min(h + half + 1, height)):
                for shove in range(-min(half, width - 1), min(half, width - 1) + 1):
                    begin, end = max(-shove, 0), min(width - shove, width)
                    add_squares(bottom_data[p, y, begin + shove : end + shove], coefficient, scale[p, h, begin:end])
            normalize_row(bottom_data[p, h], scale[p, h], beta, top_data[p, h])


@kernel(parallel=True)
def lrn_within_backward(bottom_data, top_data, top_diff, scale, half, factor, beta, ratio, bottom_diff):
    """Arrays as in `lrn_within_forward`; ratio : (CHUNKS, height + 1, width), working space."""
    planes, height, width = bottom_data.shape
    chunks = ratio.shape[0]
    for chunk in prange(chunks):
        total = ratio[chunk, height]
        for p in range(planes * chunk // chunks, planes * (chunk + 1) // chunks):
            for h in range(height):
                ratio_row(top_diff[p, h], top_data[p, h], scale[p, h], ratio[chunk, h])
            for h in range(height):
                for w in range(width):
                    total[w] = 0
                for y in range(max(h - half, 0), min(h + half + 1, height)):
                    for shove in range(-min(half, width - 1), min(half, width - 1) + 1):
                        begin, end = max(-shove, 0), min(width - shove, width)
                        add_row(ratio[chunk, y, begin + shove : end + shove], total[begin:end])
                inverse_power(scale[p, h], beta, bottom_diff[p, h])
                combine_row(bottom_data[p, h], top_diff[p, h], total, factor, bottom_diff[p, h])
