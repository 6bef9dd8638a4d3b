"""Bilinear resizing of feature maps, corners mapped to corners.

Arrays are ``(planes, height, width)``. Of the bottom the part ``(crop_h …, crop_w …)`` of ``part_h`` x ``part_w``
pixels is used. Output row ``h`` lies at ``h (part_h - 1) / (height - 1)`` of it; where the top has a single row, at 0.
Places are computed in float32. Source: PSPNet's Caffe src/caffe/util/interp.cpp.
"""

from __future__ import annotations

import numpy as np

from netdef.kernels._jit import kernel, prange


@kernel
def step_of(part, size):
    """Distance in the bottom of two neighbouring outputs along an axis, float32."""
    return np.float32(part - 1) / np.float32(size - 1) if size > 1 else np.float32(0)


@kernel(parallel=True)
def interp_forward(bottom_data, crop_h, crop_w, part_h, part_w, top_data):
    """``top_data``: each value is the mean of its four neighbours, weighted by nearness."""
    planes, height, width = top_data.shape
    number = top_data.dtype.type
    step_h, step_w = step_of(part_h, height), step_of(part_w, width)
    for plane in prange(planes):
        for h in range(height):
            y = step_h * np.float32(h)
            row = int(y)
            below = number(y - np.float32(row))
            first = bottom_data[plane, crop_h + row]
            second = bottom_data[plane, crop_h + min(row + 1, part_h - 1)]
            for w in range(width):
                x = step_w * np.float32(w)
                column = int(x)
                right = number(x - np.float32(column))
                i = crop_w + column
                j = crop_w + min(column + 1, part_w - 1)
                above_value = (number(1) - right) * first[i] + right * first[j]
                below_value = (number(1) - right) * second[i] + right * second[j]
                top_data[plane, h, w] = (number(1) - below) * above_value + below * below_value


@kernel(parallel=True)
def interp_backward(top_diff, crop_h, crop_w, part_h, part_w, bottom_diff):
    """``bottom_diff``: every output's gradient dealt out to its four neighbours."""
    planes, height, width = top_diff.shape
    number = top_diff.dtype.type
    step_h, step_w = step_of(part_h, height), step_of(part_w, width)
    for plane in prange(planes):
        bottom_diff[plane, :, :] = 0
        for h in range(height):
            y = step_h * np.float32(h)
            row = int(y)
            below = number(y - np.float32(row))
            first = bottom_diff[plane, crop_h + row]
            second = bottom_diff[plane, crop_h + min(row + 1, part_h - 1)]
            for w in range(width):
                x = step_w * np.float32(w)
                column = int(x)
                right = number(x - np.float32(column))
                i = crop_w + column
                j = crop_w + min(column + 1, part_w - 1)
                above_part = (number(1) - below) * top_diff[plane, h, w]
                below_part = below * top_diff[plane, h, w]
                first[i] += (number(1) - right) * above_part
                first[j] += right * above_part
                second[i] += (number(1) - right) * below_part
                second[j] += right * below_part
