"""Pooling over the two last axes of ``(planes, height, width)`` arrays, kept flat.

``geometry`` is (height, width, kernel_h, kernel_w, stride_h, stride_w, pad_h, pad_w, pooled_height,
pooled_width). Output ``(oh, ow)`` looks at rows ``oh stride_h - pad_h …`` of its plane, clipped to the image.
Planes are independent: the loops are parallel over them. Source: Caffe src/caffe/layers/pooling_layer.cpp.
"""

from __future__ import annotations

import numpy as np

from netdef.kernels._jit import kernel, prange
from netdef.kernels._pool_rows import owed_row
from netdef.kernels._tap_rows import tap_row
from netdef.kernels.depthwise import scatter_plane
from netdef.kernels.pool_planes import max_planes, pool_window, spread_pairs
from netdef.kernels.random import hash_uniform
from netdef.kernels.tiles import sum_row

__all__ = [
    "average_backward",
    "average_forward",
    "mask_backward",
    "max_forward",
    "owed_backward",
    "pairs_backward",
    "stochastic_test_forward",
    "stochastic_train_forward",
]


@kernel(parallel=True)
def max_forward(bottom, geometry, pairs, offsets, mask, top):
    """``top``: the maximum of each window; ``mask``: where in its plane, -1 where no value exceeds `_pool_rows.LEAST`.

    Values are compared row by row and the first of equals stays (pooling_layer.cpp:178); NaN is never greater.
    ``mask`` is of an integer dtype or, as a top that users see, of the blobs'. ``pairs`` says whether the windows
    are such as `netdef.kernels.pool_planes.are_pairs`, ``offsets`` are their `pair_offsets`.
    """
    for unit in prange(bottom.size // (geometry[0] * geometry[1])):
        plane = np.int64(unit)
        max_planes(bottom, plane, plane + 1, geometry, pairs, offsets, mask, top)


@kernel(parallel=True)
def mask_backward(top_diff, mask, geometry, bottom_diff):
    """``bottom_diff``: each output's gradient added at the place that ``mask`` names, in the order of outputs.

    A mask that is a top may have been overwritten: places outside of the plane get nothing.
    """
    size, places = geometry[0] * geometry[1], geometry[8] * geometry[9]
    for plane in prange(bottom_diff.size // size):
        for i in range(plane * size, (plane + 1) * size):
            bottom_diff[i] = 0
        for i in range(plane * places, (plane + 1) * places):
            place = int(mask[i])
            if 0 <= place < size:
                bottom_diff[plane * size + place] += top_diff[i]


@kernel(parallel=True)
def owed_backward(top_diff, mask, geometry, bottom_diff):
    """`mask_backward` for windows with stride 1 whose ``mask`` is as `max_forward` left it: the same sums in the same
    order, but each pixel looks at the windows that reach it."""
    height, width, kernel_h, kernel_w, _, _, pad_h, pad_w, pooled_height, pooled_width = geometry
    for plane in prange(bottom_diff.size // (height * width)):
        for row in range(height):
            first = max(row + pad_h - kernel_h + 1, 0)
            rows = max(min(row + pad_h + 1, pooled_height) - first, 0)
            owed_row(top_diff, mask, (plane * pooled_height + first) * pooled_width, pooled_width, rows, kernel_w,
                     pad_w - kernel_w + 1, row * width, width, bottom_diff, (plane * height + row) * width)  # fmt: skip


@kernel(parallel=True)
def pairs_backward(top_diff, mask, geometry, bottom_diff):
    """`mask_backward` for windows that `are_pairs`: every pixel is written once."""
    for unit in prange(bottom_diff.size // (geometry[0] * geometry[1])):
        plane = np.int64(unit)
        spread_pairs(top_diff, mask, plane, plane + 1, geometry, bottom_diff)


@kernel
def _extent(place, kernel, stride, pad, size):
    """Pixels of a window along one axis, those in the padding counted too (pooling_layer.cpp:208-216)."""
    start = place * stride - pad
    return min(kernel, size + pad - start)


@kernel
def _is_global(geometry):
    """Whether there is one window, the whole image."""
    height, width, kernel_h, kernel_w, _, _, pad_h, pad_w, pooled_height, pooled_width = geometry
    return pooled_height * pooled_width == 1 and kernel_h == height and kernel_w == width and pad_h == 0 and pad_w == 0


@kernel(parallel=True)
def average_forward(bottom, geometry, lines, top):
    """``top``: the sum of each window over its size, padding counted; lines : (slots, 2, width), working space.

    Sums run over the rows, then over the columns, in the arrays' dtype.
    """
    height, width, kernel_h, kernel_w, stride_h, stride_w, pad_h, pad_w, pooled_height, pooled_width = geometry
    planes, slots = bottom.size // (height * width), lines.shape[0]
    one, zero = np.ones(1, bottom.dtype), np.zeros(1, bottom.dtype)
    columns = np.empty(pooled_width, bottom.dtype)
    for ow in range(pooled_width):
        columns[ow] = _extent(ow, kernel_w, stride_w, pad_w, width)
    if _is_global(geometry):
        for plane in prange(planes):
            size = height * width
            top[plane] = sum_row(bottom, plane * size, size) / bottom.dtype.type(size)
        return
    for slot in prange(slots):
        line, sums = lines[slot, 0], lines[slot, 1]
        for plane in range(slot * planes // slots, (slot + 1) * planes // slots):
            for oh in range(pooled_height):
                start, end = pool_window(oh, kernel_h, stride_h, pad_h, height)
                tap_row(bottom, (plane * height + start) * width, end - start, width, width, 0, 1, 1, 1, width,
                        one, 0, 0, 0, zero, 0, line, 0, 1)  # fmt: skip
                if stride_w > 2:
                    for ow in range(pooled_width):
                        left, right = pool_window(ow, kernel_w, stride_w, pad_w, width)
                        total = zero[0]
                        for column in range(left, right):
                            total += line[column]
                        sums[ow] = total
                else:
                    tap_row(line, 0, 1, 0, width, -pad_w, kernel_w, 1, stride_w, pooled_width,
                            one, 0, 0, 0, zero, 0, sums, 0, 1)  # fmt: skip
                rows = columns.dtype.type(_extent(oh, kernel_h, stride_h, pad_h, height))
                start = (plane * pooled_height + oh) * pooled_width
                target = top[start : start + pooled_width]
                for ow in range(target.size):
                    target[ow] = sums[ow] / (rows * columns[ow])


@kernel(parallel=True)
def average_backward(top_diff, geometry, row_taps, column_taps, steps, lines, planes_of_slots, bottom_diff):
    """``bottom_diff``: each output's gradient over its window's size, added to every pixel of the window.

    The tables are those of `netdef.kernels.depthwise.scatter_plane`. Working space: lines : (slots, width or
    pooled_width, the greater), planes_of_slots : (slots, pooled_height * pooled_width).
    """
    height, width, kernel_h, kernel_w, stride_h, stride_w, pad_h, pad_w, pooled_height, pooled_width = geometry
    size, places = height * width, pooled_height * pooled_width
    planes, slots = bottom_diff.size // size, lines.shape[0]
    one, zero = np.ones(1, top_diff.dtype), np.zeros(1, top_diff.dtype)
    columns = np.empty(pooled_width, top_diff.dtype)
    for ow in range(pooled_width):
        columns[ow] = _extent(ow, kernel_w, stride_w, pad_w, width)
    if _is_global(geometry):
        for plane in prange(planes):
            part = top_diff[plane] / top_diff.dtype.type(size)
            target = bottom_diff[plane * size : (plane + 1) * size]
            for i in range(size):
                target[i] = part
        return
    for slot in prange(slots):
        parts = planes_of_slots[slot]
        for plane in range(slot * planes // slots, (slot + 1) * planes // slots):
            for oh in range(pooled_height):
                rows = columns.dtype.type(_extent(oh, kernel_h, stride_h, pad_h, height))
                source = top_diff[plane * places + oh * pooled_width : plane * places + (oh + 1) * pooled_width]
                target = parts[oh * pooled_width : (oh + 1) * pooled_width]
                for ow in range(target.size):
                    target[ow] = source[ow] / (rows * columns[ow])
            if stride_w > 2:
                _spread_parts(parts, geometry, row_taps, one, zero, lines[slot], bottom_diff, plane * size)
                continue
            scatter_plane(parts, 0, pooled_width, row_taps, column_taps, steps, width, one, 0, 0, 0, zero,
                          bottom_diff, plane * size)  # fmt: skip


@kernel
def _spread_parts(parts, geometry, row_taps, one, zero, line, bottom_diff, start):
    """`average_backward` of a plane: the parts that reach a row are added, then spread along it."""
    height, width, _, kernel_w, _, stride_w, _, pad_w, _, pooled_width = geometry
    for ih in range(height):
        tap_row(parts, row_taps[ih, 2] * pooled_width, row_taps[ih, 1], -pooled_width, pooled_width, 0, 1, 1, 1,
                pooled_width, one, 0, 0, 0, zero, 0, line, 0, 1)  # fmt: skip
        target = bottom_diff[start + ih * width : start + (ih + 1) * width]
        for iw in range(width):
            target[iw] = 0
        for ow in range(pooled_width):
            left, right = pool_window(ow, kernel_w, stride_w, pad_w, width)
            part = line[ow]
            for column in range(left, right):
                target[column] += part


@kernel(parallel=True)
def stochastic_train_forward(bottom, geometry, key, counter, mask, top):
    """``top``: one value of each window, drawn with a probability in proportion to it; ``mask``: its place.

    Output ``i`` uses draw ``counter + i`` of ``key``. The first value is taken at which the running sum
    reaches the draw times the whole sum (pooling_layer.cu:89-122); the window's last one where none does.
    """
    height, width, kernel_h, kernel_w, stride_h, stride_w, pad_h, pad_w, pooled_height, pooled_width = geometry
    places = pooled_height * pooled_width
    for plane in prange(bottom.size // (height * width)):
        for place in range(places):
            start, end = pool_window(place // pooled_width, kernel_h, stride_h, pad_h, height)
            left, right = pool_window(place % pooled_width, kernel_w, stride_w, pad_w, width)
            total = bottom.dtype.type(0)
            for row in range(start, end):
                for column in range(left, right):
                    total += bottom[(plane * height + row) * width + column]
            i = plane * places + place
            threshold = hash_uniform(key, counter + np.uint64(i)) * total
            total = bottom.dtype.type(0)
            mask[i] = -1
            for row in range(start, end):
                for column in range(left, right):
                    if mask[i] < 0 or total < threshold:
                        total += bottom[(plane * height + row) * width + column]
                        mask[i] = row * width + column
            top[i] = bottom[plane * height * width + mask[i]] if mask[i] >= 0 else 0


@kernel(parallel=True)
def stochastic_test_forward(bottom, geometry, top):
    """``top = sum x^2 / sum x`` of each window, the expected draw; 0 where the sum is not above 0."""
    height, width, kernel_h, kernel_w, stride_h, stride_w, pad_h, pad_w, pooled_height, pooled_width = geometry
    places = pooled_height * pooled_width
    for plane in prange(bottom.size // (height * width)):
        for place in range(places):
            start, end = pool_window(place // pooled_width, kernel_h, stride_h, pad_h, height)
            left, right = pool_window(place % pooled_width, kernel_w, stride_w, pad_w, width)
            total = squares = bottom.dtype.type(0)
            for row in range(start, end):
                for column in range(left, right):
                    value = bottom[(plane * height + row) * width + column]
                    total += value
                    squares += value * value
            top[plane * places + place] = squares / total if total > 0 else 0
