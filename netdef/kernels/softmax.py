"""Softmax over the middle axis of ``(outer, channels, inner)``, forward and backward.

Source: Caffe src/caffe/layers/softmax_layer.cpp:27-86.
"""

from __future__ import annotations

import numpy as np

from netdef.kernels._jit import kernel, prange

BLOCK = 512  # columns that one thread takes at a time: an image's channels of them stay in its cache


@kernel(parallel=True)
def softmax_forward(bottom_data, scale, top_data):
    """top[c] = exp(bottom[c] - max) / sum over c of exp(bottom[c] - max).

    bottom_data, top_data : (outer, channels, inner), may be the same array. scale : (outer, inner), working space.
    Sums are in the arrays' dtype.
    """
    outer, channels, inner = bottom_data.shape
    blocks = (inner + BLOCK - 1) // BLOCK
    for unit in prange(outer * blocks):
        i = unit // blocks
        begin = (unit - i * blocks) * BLOCK
        end = min(begin + BLOCK, inner)
        for j in range(begin, end):
            scale[i, j] = bottom_data[i, 0, j]
        for c in range(1, channels):
            for j in range(begin, end):
                if bottom_data[i, c, j] > scale[i, j]:
                    scale[i, j] = bottom_data[i, c, j]
        for c in range(channels):
            for j in range(begin, end):
                top_data[i, c, j] = np.exp(bottom_data[i, c, j] - scale[i, j])
        for j in range(begin, end):
            scale[i, j] = 0
        for c in range(channels):
            for j in range(begin, end):
                scale[i, j] += top_data[i, c, j]
        for c in range(channels):
            for j in range(begin, end):
                top_data[i, c, j] /= scale[i, j]


@kernel(parallel=True)
def softmax_backward(top_data, top_diff, scale, bottom_diff):
    """bottom_diff[c] = top_data[c] * (top_diff[c] - sum over k of top_diff[k] top_data[k]).

    Shapes as in `softmax_forward`; bottom_diff may be top_diff.
    """
    outer, channels, inner = top_data.shape
    blocks = (inner + BLOCK - 1) // BLOCK
    for unit in prange(outer * blocks):
        i = unit // blocks
        begin = (unit - i * blocks) * BLOCK
        end = min(begin + BLOCK, inner)
        for j in range(begin, end):
            scale[i, j] = 0
        for c in range(channels):
            for j in range(begin, end):
                scale[i, j] += top_diff[i, c, j] * top_data[i, c, j]
        for c in range(channels):
            for j in range(begin, end):
                bottom_diff[i, c, j] = (top_diff[i, c, j] - scale[i, j]) * top_data[i, c, j]
