"""Rearranging images for convolution.

Full im2col writes every pixel ``kernel_h * kernel_w`` times. Here a *pack* writes it ``kernel_w`` times: for
each channel and each kernel column ``kw`` one copy of the image, shifted by ``kw`` and cut to ``pooled width``
columns. In a pack the pixels that one weight ``(channel, kh, kw)`` meets, over whole output rows, lie side by
side, starting at ``steps[k]``; that run is a row of the im2col matrix without being copied. Where stride_h is
above 1, the rows that one ``kh`` meets are every stride_h-th, so rows of equal remainder are kept together.

    pack[channel, kw, remainder, row, ow] = image[channel, (row * stride_h + remainder) - pad_h + first,
                                                  ow * stride_w - pad_w + kw * dilation_w]

The N-dimensional twins, `im2col` and `col2im`, write the full matrix. Source: Caffe src/caffe/util/im2col.cpp.
"""

from __future__ import annotations

import numpy as np

from netdef.kernels._jit import kernel
from netdef.kernels._strided_rows import strided_rows, weave_row
from netdef.kernels.tiles import copy_rows, fold_row

__all__ = ["col2im", "fold_image", "im2col", "pack_image", "pack_layout", "pack_steps"]


def pack_layout(kernel_h: int, stride_h: int, dilation_h: int, pooled_rows: int) -> tuple[int, int, int]:
    """``(image rows read, remainders kept, rows per remainder)`` of a pack for ``pooled_rows`` output rows."""
    reach = (kernel_h - 1) * dilation_h + 1
    rows = (pooled_rows - 1) * stride_h + reach
    return rows, min(stride_h, reach), -(-rows // stride_h)


def pack_steps(channels, kernel_h, kernel_w, stride_h, dilation_h, pooled_width, layout) -> np.ndarray:
    """Where in a pack the run of each weight starts; int64 ``(channels * kernel_h * kernel_w,)``."""
    _, remainders, rows = layout
    channel = np.arange(channels)[:, None, None]
    reach = (np.arange(kernel_h) * dilation_h)[None, :, None]
    column = np.arange(kernel_w)[None, None, :]
    plane = (channel * kernel_w + column) * remainders + reach % stride_h
    return np.ascontiguousarray(((plane * rows + reach // stride_h) * pooled_width).reshape(-1), np.int64)


@kernel
def pack_image(image, i0, channels, height, width, geometry, first, image_rows, layout_rows, pack):
    """Pack rows ``first … first + image_rows - 1`` (outside of the image: zeros) of ``channels`` channels.

    ``geometry`` is (kernel_h, kernel_w, stride_h, stride_w, pad_h, pad_w, dilation_h, dilation_w, pooled_height,
    pooled_width); ``image`` from element ``i0``, ``(channels, height, width)``.
    """
    kernel_h, kernel_w, stride_h, stride_w, _, pad_w, dilation_h, dilation_w, _, pooled_width = geometry
    remainders = min(stride_h, (kernel_h - 1) * dilation_h + 1)
    plane = layout_rows * pooled_width
    for remainder in range(remainders):
        start = first + remainder  # image rows start, start + stride_h, …, of which some are in the padding
        rows = (image_rows - remainder + stride_h - 1) // stride_h
        above = min(rows, max(0, (stride_h - 1 - start) // stride_h))
        below = min(rows, max(above, (height - start + stride_h - 1) // stride_h))
        for channel in range(channels):
            source = i0 + (channel * height + start + above * stride_h) * width
            for column in range(kernel_w):
                shift = column * dilation_w - pad_w
                target = ((channel * kernel_w + column) * remainders + remainder) * plane
                copy_rows(1, image, i0, 0, 0, 0, above * pooled_width, pack, target,
                          above * pooled_width)  # fmt: skip
                copy_rows(1, image, i0, 0, 0, 0, (rows - below) * pooled_width, pack,
                          target + below * pooled_width, (rows - below) * pooled_width)  # fmt: skip
                target += above * pooled_width
                if stride_w == 1:
                    copy_rows(below - above, image, source, stride_h * width, shift, width, pooled_width, pack, target,
                              pooled_width)  # fmt: skip
                else:
                    strided_rows(below - above, image, source, stride_h * width, stride_w, shift, width, pooled_width,
                                 pack, target, pooled_width)  # fmt: skip


@kernel
def fold_image(pack, channels, height, width, geometry, layout_rows, image, i0):
    """The transpose of `pack_image` over all rows: each pixel becomes the sum of its copies."""
    kernel_h, kernel_w, stride_h, stride_w, pad_h, pad_w, dilation_h, dilation_w, _, pooled_width = geometry
    remainders = min(stride_h, (kernel_h - 1) * dilation_h + 1)
    plane = layout_rows * pooled_width
    for channel in range(channels):
        number, remainder = pad_h // stride_h, pad_h % stride_h
        for row in range(height):
            target = i0 + (channel * height + row) * width
            source = (channel * kernel_w * remainders + remainder) * plane + number * pooled_width
            if remainder >= remainders or number >= layout_rows:
                copy_rows(1, pack, 0, 0, 0, 0, width, image, target, width)
            elif stride_w == 1:
                fold_row(pack, source, kernel_w, remainders * plane, pooled_width, pad_w, dilation_w, width,
                         (height - row) * width, image, target)  # fmt: skip
            elif stride_w == 2:
                _weave(pack, source, kernel_w, remainders * plane, pooled_width, pad_w, dilation_w, width, image,
                       target)  # fmt: skip
            else:
                _add_fold_strided(pack, source, kernel_w, remainders * plane, pooled_width, stride_w, pad_w,
                                  dilation_w, width, image, target)  # fmt: skip
            remainder += 1
            if remainder == stride_h:
                number, remainder = number + 1, 0


@kernel
def _weave(pack, source, kernel_w, plane, pooled_width, pad_w, dilation_w, width, image, target):
    """One row of `fold_image` where stride_w is 2: the taps that meet even pixels and those that meet odd ones."""
    apart = 1 + dilation_w % 2  # taps from one that meets a pixel to the next
    even, odd = 0, 1
    if dilation_w % 2:
        even, odd = pad_w % 2, (pad_w + 1) % 2
    elif pad_w % 2:
        even, odd = kernel_w, 0
    else:
        odd = kernel_w
    weave_row(pack, source, plane, pooled_width, apart, apart * dilation_w // 2,
              even, (kernel_w - even + apart - 1) // apart, (pad_w - even * dilation_w) // 2,
              odd, (kernel_w - odd + apart - 1) // apart, (pad_w + 1 - odd * dilation_w) // 2,
              width, image, target)  # fmt: skip


@kernel
def _add_fold_strided(pack, source, kernel_w, plane, pooled_width, stride_w, pad_w, dilation_w, width, image, target):
    """One row of `fold_image` where stride_w is above 2."""
    for iw in range(width):
        image[target + iw] = 0
    for column in range(kernel_w):
        shift = column * dilation_w - pad_w
        for ow in range(pooled_width):
            iw = ow * stride_w + shift
            if 0 <= iw < width:
                image[target + iw] += pack[source + column * plane + ow]


@kernel
def im2col(image, i0, channels, shape, kernel_shape, stride, pad, dilation, pooled_shape, col):
    """``col[(channel, k…), (o…)] = image[channel, (o * stride - pad + k * dilation)…]``, zero outside.

    Any number of spatial axes; ``shape`` … ``pooled_shape`` are int64 arrays with one size for each of them,
    ``image`` is flat from ``i0``, ``col`` is flat ``(channels * prod(kernel_shape), prod(pooled_shape))``.
    """
    taps, places = kernel_shape.prod(), pooled_shape.prod()
    for row in range(channels * taps):
        for place in range(places):
            index = _image_index(row, place, taps, shape, kernel_shape, stride, pad, dilation, pooled_shape)
            col[row * places + place] = image[i0 + index] if index >= 0 else 0


@kernel
def col2im(col, channels, shape, kernel_shape, stride, pad, dilation, pooled_shape, image, i0):
    """The transpose of `im2col`: each pixel becomes the sum of its copies in ``col``."""
    taps, places = kernel_shape.prod(), pooled_shape.prod()
    for index in range(channels * shape.prod()):
        image[i0 + index] = 0
    for row in range(channels * taps):
        for place in range(places):
            index = _image_index(row, place, taps, shape, kernel_shape, stride, pad, dilation, pooled_shape)
            if index >= 0:
                image[i0 + index] += col[row * places + place]


@kernel
def _image_index(row, place, taps, shape, kernel_shape, stride, pad, dilation, pooled_shape):
    """The pixel, counted from its image's first, that belongs at ``(row, place)``; -1 in the padding."""
    tap = row % taps
    index, scale = 0, 1
    for axis in range(shape.size - 1, -1, -1):
        at = (place % pooled_shape[axis]) * stride[axis] - pad[axis] + (tap % kernel_shape[axis]) * dilation[axis]
        if at < 0 or at >= shape[axis]:
            return -1
        index += at * scale
        scale *= shape[axis]
        place //= pooled_shape[axis]
        tap //= kernel_shape[axis]
    return index + (row // taps) * scale
