"""Maximum over the parts of regions.

``rois`` is ``(regions, 5)``: the image's number, then x1, y1, x2, y2 in pixels of the net's input, the last ones within
the region. Source: Fast R-CNN's Caffe src/caffe/layers/roi_pooling_layer.cpp:45-125.
"""

from __future__ import annotations

import numpy as np

from netdef.kernels._jit import kernel, prange

LEAST = np.finfo(np.float32).min  # where a maximum starts, also in float64


@kernel
def round_away(value):
    """The nearest whole number; halves go away from zero, as C's round."""
    return np.int64(np.floor(value + 0.5)) if value >= 0 else -np.int64(np.floor(-value + 0.5))


@kernel
def part_span(part, following, size, start, limit):
    """``(first, end)`` of a ``part`` of ``size`` pixels of a region from ``start`` on, kept within ``limit`` pixels."""
    first = np.int64(np.floor(part * size)) + start
    end = np.int64(np.ceil(following * size)) + start
    return min(max(first, 0), limit), min(max(end, 0), limit)


@kernel(parallel=True)
def roi_pooling_forward(bottom_data, rois, spatial_scale, mask, top_data):
    """``top_data``: the maximum of each part, 0 where it is empty; ``mask``: where in its plane, -1 if nowhere.

    bottom_data : ``(num, channels, height, width)``; top_data, mask (int32) : ``(regions, channels, pooled_height,
    pooled_width)``; ``spatial_scale`` has the arrays' dtype. A region is at least one pixel.
    """
    regions, channels, pooled_height, pooled_width = top_data.shape
    height, width = bottom_data.shape[2], bottom_data.shape[3]
    number = bottom_data.dtype.type
    for unit in prange(regions * channels):
        n = unit // channels
        c = unit - n * channels
        left, top = round_away(rois[n, 1] * spatial_scale), round_away(rois[n, 2] * spatial_scale)
        right, bottom = round_away(rois[n, 3] * spatial_scale), round_away(rois[n, 4] * spatial_scale)
        bin_h = number(max(bottom - top + 1, 1)) / number(pooled_height)
        bin_w = number(max(right - left + 1, 1)) / number(pooled_width)
        plane = bottom_data[int(rois[n, 0]), c]
        for ph in range(pooled_height):
            first_row, end_row = part_span(number(ph), number(ph + 1), bin_h, top, height)
            for pw in range(pooled_width):
                first_column, end_column = part_span(number(pw), number(pw + 1), bin_w, left, width)
                best, place = number(LEAST), -1
                if end_row <= first_row or end_column <= first_column:
                    best = number(0)
                for row in range(first_row, end_row):
                    for column in range(first_column, end_column):
                        if plane[row, column] > best:
                            best, place = plane[row, column], row * width + column
                top_data[n, c, ph, pw] = best
                mask[n, c, ph, pw] = place


@kernel(parallel=True)
def roi_pooling_backward(top_diff, rois, mask, bottom_diff):
    """``bottom_diff``: each output's gradient added at the place that ``mask`` names, in the order of regions."""
    num, channels, height, width = bottom_diff.shape
    regions, _, pooled_height, pooled_width = top_diff.shape
    for c in prange(channels):
        bottom_diff[:, c] = 0
        for n in range(regions):
            image = int(rois[n, 0])
            for ph in range(pooled_height):
                for pw in range(pooled_width):
                    place = mask[n, c, ph, pw]
                    if place >= 0:
                        bottom_diff[image, c, place // width, place % width] += top_diff[n, c, ph, pw]
