"""Depthwise convolution with filters of 3x3 taps side by side, stride 1 or 2; `netdef.kernels.depthwise` has the rest.

Arrays are flat views of C-contiguous blobs, sums run in their dtype, the weight gradient's over the lanes of a vector
in float64. A plane, or in the weight gradient a channel, is one unit of work.
"""

from __future__ import annotations

import numpy as np

from netdef.kernels._jit import kernel, prange
from netdef.kernels._tap_blocks import block_rows, block_sums
from netdef.kernels.finish import finish_row

__all__ = ["sum_windows_3x3", "weight_gradient_3x3"]


@kernel(parallel=True)
def sum_windows_3x3(source, weight, bias, size, pad, stride, flipped, pooled, finish, target):
    """``target[n, c, r, j] = bias[c] + sum of weight[c, kh, kw] source[n, c, r stride - pad_h + kh, …]``.

    ``size`` is (height, width) of the planes read, ``pooled`` of those written; ``flipped``: the weights turned by
    half a turn, as the gradient of a convolution with stride 1 wants them. ``finish`` is applied as
    `netdef.kernels.finish` says.
    """
    channels, area, places = bias.size, size[0] * size[1], pooled[0] * pooled[1]
    for unit in prange(source.size // area):
        plane = np.int64(unit)  # a prange counts in uint64, which with int64 would make float64
        channel = plane % channels
        first, step = (9 * channel + 8, -1) if flipped else (9 * channel, 1)
        block_rows(source, plane * area, size[0], size[1], -pad[0], -pad[1], stride, weight, first, step, bias, channel,
                   target, plane * places, pooled[0], pooled[1])  # fmt: skip
        if finish.shape[0]:
            finish_row(finish, channel, target, plane * places, places)


@kernel(parallel=True)
def weight_gradient_3x3(source, top_diff, channels, size, pad, stride, pooled, buffers, weight_diff):
    """Add ``sum over n, r, j of top_diff[n, c, r, j] source[n, c, r stride - pad_h + kh, …]`` to ``weight_diff``.

    Each slot has a buffer with a vector of sums for each tap.
    """
    slots, lanes = buffers.shape[0], buffers.shape[1] // 9
    area, places = size[0] * size[1], pooled[0] * pooled[1]
    images = source.size // (channels * area)
    for slot in prange(slots):
        sums = buffers[slot]
        for channel in range(slot * channels // slots, (slot + 1) * channels // slots):
            for i in range(sums.size):
                sums[i] = 0
            for image in range(images):
                plane = image * channels + channel
                block_sums(source, plane * area, size[0], size[1], -pad[0], -pad[1], stride, top_diff, plane * places,
                           pooled[0], pooled[1], sums)  # fmt: skip
            for tap in range(9):
                total = np.float64(0)
                for i in range(tap * lanes, (tap + 1) * lanes):
                    total += sums[i]
                weight_diff[channel * 9 + tap] += total
