"""MAX pooling of some planes, for kernels that pool what they have just computed; `netdef.kernels.pooling` has the
names."""

from __future__ import annotations

import numpy as np

from netdef.kernels._emitter import VECTOR_BYTES
from netdef.kernels._jit import kernel
from netdef.kernels._pool_rows import max_pairs, max_row, spread_row

__all__ = ["are_pairs", "max_planes", "pair_offsets", "pool_window", "spread_pairs"]


@kernel
def pool_window(place, kernel, stride, pad, size):
    """``(start, end)`` of a window along one axis, clipped to the image."""
    start = place * stride - pad
    return max(start, 0), min(start + kernel, size)


def are_pairs(geometry) -> bool:
    """Whether windows are 2x2 with stride 2 and cover the image exactly."""
    height, width, *window, pooled_height, pooled_width = geometry
    return window == [2, 2, 2, 2, 0, 0] and (height, width) == (2 * pooled_height, 2 * pooled_width)


def pair_offsets(geometry, itemsize: int) -> np.ndarray:
    """Of the windows in as many rows as fill a vector their distances from the first; none if they are not short."""
    lanes, width, pooled_width = VECTOR_BYTES // itemsize, geometry[1], geometry[9]
    if not are_pairs(geometry) or 2 * pooled_width > lanes:
        return np.empty(0, np.int64)
    window = np.arange(lanes)
    return window // pooled_width * 2 * width + window % pooled_width * 2


@kernel
def max_planes(bottom, first, last, geometry, pairs, offsets, mask, top):
    """`netdef.kernels.pooling.max_forward` of the planes ``first … last - 1``."""
    height, width, kernel_h, kernel_w, stride_h, stride_w, pad_h, pad_w, pooled_height, pooled_width = geometry
    for plane in range(first, last):
        source, target = plane * height * width, plane * pooled_height * pooled_width
        if pairs:
            max_pairs(bottom, source, pooled_height, width, pooled_width, offsets.size // pooled_width, offsets,
                      mask, top, target)  # fmt: skip
            continue
        for oh in range(pooled_height):
            start, end = pool_window(oh, kernel_h, stride_h, pad_h, height)
            max_row(bottom, source, start, end - start, width, -pad_w, kernel_w, stride_w, pooled_width, mask, top,
                    target + oh * pooled_width)  # fmt: skip


@kernel
def spread_pairs(top_diff, mask, first, last, geometry, bottom_diff):
    """`netdef.kernels.pooling.pairs_backward` of the planes ``first … last - 1``."""
    width, pooled_height, pooled_width = geometry[1], geometry[8], geometry[9]
    for plane in range(first, last):
        for oh in range(pooled_height):
            spread_row(top_diff, mask, (plane * pooled_height + oh) * pooled_width, 2 * oh, width, pooled_width,
                       bottom_diff, plane * geometry[0] * width)  # fmt: skip
