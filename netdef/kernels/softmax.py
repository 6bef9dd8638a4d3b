"""Softmax over the middle axis of ``(outer, channels, inner)``, forward and backward.

Source: Caffe src/caffe/layers/softmax_layer.cpp:27-86.
"""

from __future__ import annotations

from netdef.kernels._jit import kernel, prange
from netdef.kernels.exponential_runs import exp_run
from netdef.kernels.sums import block_dot, block_sum, greatest

BLOCK = 512  # columns that one thread takes at a time: an image's channels of them stay in its cache


@kernel(parallel=True)
def softmax_forward(bottom_data, scale, top_data):
    """top[c] = exp(bottom[c] - max) / sum over c of exp(bottom[c] - max).

    bottom_data, top_data : (outer, channels, inner), may be the same array. scale : (outer, inner), working space.
    Sums are in the arrays' dtype; along a row, where inner is 1, in float64.
    """
    outer, channels, inner = bottom_data.shape
    if inner == 1:
        flat_bottom, flat_top = bottom_data.reshape(outer * channels), top_data.reshape(outer * channels)
        for i in prange(outer):
            row = slice(i * channels, (i + 1) * channels)
            scale[i, 0] = _softmax_row(flat_bottom[row], flat_top[row])
        return
    blocks = (inner + BLOCK - 1) // BLOCK
    for unit in prange(outer * blocks):
        i = unit // blocks
        begin = (unit - i * blocks) * BLOCK
        end = min(begin + BLOCK, inner)
        total = scale[i, begin:end]
        first = bottom_data[i, 0, begin:end]
        for j in range(total.size):
            total[j] = first[j]
        for c in range(1, channels):
            source = bottom_data[i, c, begin:end]
            for j in range(total.size):
                total[j] = source[j] if source[j] > total[j] else total[j]
        for c in range(channels):
            source, target = bottom_data[i, c, begin:end], top_data[i, c, begin:end]
            for j in range(total.size):
                target[j] = source[j] - total[j]
            exp_run(target, 0, target.size, target)
        for j in range(total.size):
            total[j] = 0
        for c in range(channels):
            target = top_data[i, c, begin:end]
            for j in range(total.size):
                total[j] += target[j]
        for c in range(channels):
            target = top_data[i, c, begin:end]
            for j in range(total.size):
                target[j] /= total[j]


@kernel
def _softmax_row(source, target):
    """The softmax of one row, flat; returns the sum of its powers."""
    highest = greatest(source)
    for c in range(source.size):
        target[c] = source[c] - highest
    exp_run(target, 0, target.size, target)
    total = source.dtype.type(block_sum(target, 0, target.size))
    for c in range(target.size):
        target[c] /= total
    return total


@kernel(parallel=True)
def softmax_backward(top_data, top_diff, scale, bottom_diff):
    """bottom_diff[c] = top_data[c] * (top_diff[c] - sum over k of top_diff[k] top_data[k]).

    Shapes as in `softmax_forward`; bottom_diff may be top_diff.
    """
    outer, channels, inner = top_data.shape
    if inner == 1:
        flat_data, flat_diff = top_data.reshape(outer * channels), top_diff.reshape(outer * channels)
        flat_target = bottom_diff.reshape(outer * channels)
        for i in prange(outer):
            row = slice(i * channels, (i + 1) * channels)
            kept, diff, target = flat_data[row], flat_diff[row], flat_target[row]
            mean = kept.dtype.type(block_dot(kept, diff, 0, channels))
            for c in range(channels):
                target[c] = (diff[c] - mean) * kept[c]
        return
    blocks = (inner + BLOCK - 1) // BLOCK
    for unit in prange(outer * blocks):
        i = unit // blocks
        begin = (unit - i * blocks) * BLOCK
        end = min(begin + BLOCK, inner)
        total = scale[i, begin:end]
        for j in range(total.size):
            total[j] = 0
        for c in range(channels):
            kept, diff = top_data[i, c, begin:end], top_diff[i, c, begin:end]
            for j in range(total.size):
                total[j] += diff[j] * kept[j]
        for c in range(channels):
            kept, diff = top_data[i, c, begin:end], top_diff[i, c, begin:end]
            target = bottom_diff[i, c, begin:end]
            for j in range(total.size):
                target[j] = (diff[j] - total[j]) * kept[j]
