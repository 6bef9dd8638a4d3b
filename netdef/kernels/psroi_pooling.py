"""Averages over the parts of regions, each part from channels of its own.

``rois`` is ``(regions, 5)``: the image's number, then x1, y1, x2, y2 in pixels of the net's input. Part ``(ph, pw)`` of
output channel ``c`` is read from channel ``(c group + ph) group + pw``. A region's ends are rounded in the input's
pixels, and it is at least a tenth of a pixel. Source: R-FCN's Caffe src/caffe/layers/psroi_pooling_layer.cu:20-180.
"""

from __future__ import annotations

import numpy as np

from netdef.kernels._jit import kernel, prange
from netdef.kernels.roi_pooling import round_away


@kernel
def part_span(part, following, start, size, limit):
    """``(first, end)`` of a ``part`` of ``size`` pixels of a region from ``start`` on, kept within ``limit`` pixels."""
    first = np.int64(np.floor(part * size + start))
    end = np.int64(np.ceil(following * size + start))
    return min(max(first, 0), limit), min(max(end, 0), limit)


@kernel
def region_span(rois, n, axis, spatial_scale, number):
    """``(start, length)`` of region ``n`` along ``axis`` (0 x, 1 y) in the bottom's pixels, as ``number``s."""
    start = number(round_away(rois[n, 1 + axis])) * spatial_scale
    end = number(round_away(rois[n, 3 + axis]) + 1) * spatial_scale
    return start, max(end - start, number(0.1))


@kernel(parallel=True)
def psroi_pooling_forward(bottom_data, rois, spatial_scale, top_data):
    """``top_data``: the average of each part, 0 where it is empty.

    bottom_data : ``(num, channels * group**2, height, width)``; top_data : ``(regions, channels, group, group)``;
    ``spatial_scale`` has the arrays' dtype.
    """
    regions, channels, group, _ = top_data.shape
    height, width = bottom_data.shape[2], bottom_data.shape[3]
    number = bottom_data.dtype.type
    for unit in prange(regions * channels):
        n = unit // channels
        c = unit - n * channels
        left, region_width = region_span(rois, n, 0, spatial_scale, number)
        top, region_height = region_span(rois, n, 1, spatial_scale, number)
        bin_h, bin_w = region_height / number(group), region_width / number(group)
        for ph in range(group):
            first_row, end_row = part_span(number(ph), number(ph + 1), top, bin_h, height)
            for pw in range(group):
                first_column, end_column = part_span(number(pw), number(pw + 1), left, bin_w, width)
                plane = bottom_data[int(rois[n, 0]), (c * group + ph) * group + pw]
                total = number(0)
                for row in range(first_row, end_row):
                    for column in range(first_column, end_column):
                        total += plane[row, column]
                area = max(end_row - first_row, 0) * max(end_column - first_column, 0)
                top_data[n, c, ph, pw] = total / number(area) if area > 0 else number(0)


@kernel(parallel=True)
def psroi_pooling_backward(top_diff, rois, spatial_scale, bottom_diff):
    """``bottom_diff``: each output's gradient over its part's area, added to every pixel of the part."""
    regions, channels, group, _ = top_diff.shape
    height, width = bottom_diff.shape[2], bottom_diff.shape[3]
    number = bottom_diff.dtype.type
    for c in prange(channels):
        bottom_diff[:, c * group * group : (c + 1) * group * group] = 0
        for n in range(regions):
            left, region_width = region_span(rois, n, 0, spatial_scale, number)
            top, region_height = region_span(rois, n, 1, spatial_scale, number)
            bin_h, bin_w = region_height / number(group), region_width / number(group)
            for ph in range(group):
                first_row, end_row = part_span(number(ph), number(ph + 1), top, bin_h, height)
                for pw in range(group):
                    first_column, end_column = part_span(number(pw), number(pw + 1), left, bin_w, width)
                    area = max(end_row - first_row, 0) * max(end_column - first_column, 0)
                    plane = bottom_diff[int(rois[n, 0]), (c * group + ph) * group + pw]
                    share = top_diff[n, c, ph, pw] / number(max(area, 1))
                    for row in range(first_row, end_row):
                        for column in range(first_column, end_column):
                            plane[row, column] += share
