"""Sums over windows, as sub-sampling takes them, and their way back.

Images are (planes, height, width), their sums (planes, pooled_height, pooled_width): window (oh, ow) has its first
pixel at (oh * stride, ow * stride) and lies inside the image whole.
"""

from __future__ import annotations

from netdef.kernels._jit import kernel, prange


@kernel(parallel=True)
def sum_windows(bottom, size, stride, sums):
    """``sums[p, oh, ow]`` = sum of the ``size`` x ``size`` window, row by row, in the arrays' dtype."""
    planes, pooled_height, pooled_width = sums.shape
    for plane in prange(planes):
        for oh in range(pooled_height):
            line = sums[plane, oh]
            line[:] = 0
            for h in range(size):
                row = bottom[plane, oh * stride + h]
                for w in range(size):
                    for ow in range(pooled_width):
                        line[ow] += row[ow * stride + w]


@kernel(parallel=True)
def spread_windows(sums_diff, coefficient, size, stride, bottom_diff):
    """``bottom_diff`` = over the windows that a pixel is in, ``sums_diff * coefficient[channel]``; else 0."""
    planes, pooled_height, pooled_width = sums_diff.shape
    channels = coefficient.size
    for plane in prange(planes):
        factor = coefficient[plane % channels]
        bottom_diff[plane, :, :] = 0
        for oh in range(pooled_height):
            line = sums_diff[plane, oh]
            for h in range(size):
                row = bottom_diff[plane, oh * stride + h]
                for w in range(size):
                    for ow in range(pooled_width):
                        row[ow * stride + w] += line[ow] * factor
