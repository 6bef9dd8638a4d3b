"""Convolution in which every channel has one filter of its own, forward and backward.

    top[n, c, oh, ow]             = bias[c] + sum_{kh, kw} weight[c, kh, kw] bottom[n, c, ih, iw]
    weight_diff[c, kh, kw]       += sum_{n, oh, ow} top_diff[n, c, oh, ow] bottom[n, c, ih, iw]
    bottom_diff[n, c, ih, iw]     = sum_{kh, kw} weight[c, kh, kw] top_diff[n, c, oh, ow]

with ``ih = oh stride_h - pad_h + kh dilation_h``, likewise ``iw``, and zeros outside of the image. There is nothing
to multiply as matrices: rows are added to rows, one filter tap at a time, while they stay in the first-level cache.

Arrays are flat views of C-contiguous blobs; ``geometry`` is (height, width, kernel_h, kernel_w, stride_h, stride_w,
pad_h, pad_w, dilation_h, dilation_w, pooled_height, pooled_width). Sums run in the arrays' own dtype, the weight
gradient's in float64 over the columns of a row.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from netdef.kernels._jit import kernel, prange
from netdef.kernels.bias import sum_to_bias
from netdef.kernels.plans import slots_for

__all__ = ["DepthwisePlan", "backward_data", "backward_weight", "forward"]


@kernel
def _columns(shift, stride, size, places):
    """``(first, last)`` of the outputs ``o`` with ``0 <= o stride + shift < size``."""
    first = 0 if shift >= 0 else (-shift + stride - 1) // stride
    return first, max(first, min(places, (size - shift + stride - 1) // stride))


@kernel
def _gather_row(source, weight, geometry, top):
    """``top[ow] += sum_kw weight[kw] source[ow stride_w - pad_w + kw dilation_w]`` for one row of one tap row."""
    width, kernel_w, stride_w, pad_w, dilation_w = geometry[1], geometry[3], geometry[5], geometry[7], geometry[9]
    for column in range(kernel_w):
        shift = column * dilation_w - pad_w
        first, last = _columns(shift, stride_w, width, top.size)
        factor = weight[column]
        target = top[first:last]
        if stride_w == 1:
            values = source[first + shift : last + shift]
            for i in range(target.size):
                target[i] += factor * values[i]
        elif stride_w == 2:  # a constant, which the compiler turns into vector code
            values = source[2 * first + shift :]
            for i in range(target.size):
                target[i] += factor * values[2 * i]
        else:
            for i in range(target.size):
                target[i] += factor * source[(first + i) * stride_w + shift]


@kernel
def _is_usual(geometry):
    """Three taps side by side, stride 1 and pad 1 along a row: what most nets have, done in one pass."""
    return geometry[3] == 3 and geometry[5] == 1 and geometry[7] == 1 and geometry[9] == 1


@kernel
def _gather_three(source, left, middle, right, top):
    """`_gather_row` where `_is_usual`; with the taps in reverse it is `_scatter_row`."""
    last = top.size - 1
    if last == 0:
        top[0] += middle * source[0]
        return
    top[0] += middle * source[0] + right * source[1]
    target, before, here, after = top[1:last], source[: last - 1], source[1:last], source[2:]
    for i in range(target.size):
        target[i] += left * before[i] + middle * here[i] + right * after[i]
    top[last] += left * source[last - 1] + middle * source[last]


@kernel(parallel=True)
def forward(bottom, weight, bias, geometry, top):
    """``top``; a plane is one unit of work."""
    height, width, kernel_h, kernel_w, stride_h, stride_w, pad_h, pad_w, dilation_h, dilation_w, rows, columns = (
        geometry
    )
    channels = bias.size
    usual = _is_usual(geometry)
    for plane in prange(top.size // (rows * columns)):
        channel = plane % channels
        for oh in range(rows):
            start = (plane * rows + oh) * columns
            target = top[start : start + columns]
            for ow in range(columns):
                target[ow] = bias[channel]
            for tap in range(kernel_h):
                ih = oh * stride_h - pad_h + tap * dilation_h
                if ih < 0 or ih >= height:
                    continue
                source = bottom[(plane * height + ih) * width : (plane * height + ih + 1) * width]
                line = (channel * kernel_h + tap) * kernel_w
                if usual:
                    _gather_three(source, weight[line], weight[line + 1], weight[line + 2], target)
                else:
                    _gather_row(source, weight[line : line + kernel_w], geometry, target)


@kernel(parallel=True)
def backward_data(top_diff, weight, channels, geometry, bottom_diff):
    """``bottom_diff``: every row of the image gathers what the rows of the top owe it."""
    height, width, kernel_h, kernel_w, stride_h, stride_w, pad_h, pad_w, dilation_h, dilation_w, rows, columns = (
        geometry
    )
    usual = _is_usual(geometry)
    for plane in prange(bottom_diff.size // (height * width)):
        channel = plane % channels
        for ih in range(height):
            target = bottom_diff[(plane * height + ih) * width : (plane * height + ih + 1) * width]
            for iw in range(width):
                target[iw] = 0
            for tap in range(kernel_h):
                place = ih + pad_h - tap * dilation_h
                oh = place // stride_h
                if place < 0 or place % stride_h or oh >= rows:
                    continue
                source = top_diff[(plane * rows + oh) * columns : (plane * rows + oh + 1) * columns]
                line = (channel * kernel_h + tap) * kernel_w
                if usual:
                    _gather_three(source, weight[line + 2], weight[line + 1], weight[line], target)
                else:
                    _scatter_row(source, weight[line : line + kernel_w], geometry, target)


@kernel
def _scatter_row(source, weight, geometry, target):
    """The transpose of `_gather_row`."""
    width, kernel_w, stride_w, pad_w, dilation_w = geometry[1], geometry[3], geometry[5], geometry[7], geometry[9]
    for column in range(kernel_w):
        shift = column * dilation_w - pad_w
        first, last = _columns(shift, stride_w, width, source.size)
        factor = weight[column]
        values = source[first:last]
        if stride_w == 1:
            goal = target[first + shift : last + shift]
            for i in range(values.size):
                goal[i] += factor * values[i]
        elif stride_w == 2:
            goal = target[2 * first + shift :]
            for i in range(values.size):
                goal[2 * i] += factor * values[i]
        else:
            for i in range(values.size):
                target[(first + i) * stride_w + shift] += factor * values[i]


@kernel(parallel=True)
def backward_weight(bottom, top_diff, channels, geometry, slots, buffers, weight_diff):
    """Add to ``weight_diff``; each slot takes whole channels, with one row of sums for each tap in its buffer."""
    height, width, kernel_h, kernel_w, stride_h, stride_w, pad_h, pad_w, dilation_h, dilation_w, rows, columns = (
        geometry
    )
    taps, usual = kernel_h * kernel_w, _is_usual(geometry)
    images = top_diff.size // (channels * rows * columns)
    for slot in prange(slots):
        sums = buffers[slot]
        for channel in range(slot * channels // slots, (slot + 1) * channels // slots):
            for i in range(taps * columns):
                sums[i] = 0
            for image in range(images):
                plane = image * channels + channel
                for oh in range(rows):
                    diff = top_diff[(plane * rows + oh) * columns : (plane * rows + oh + 1) * columns]
                    for tap in range(kernel_h):
                        ih = oh * stride_h - pad_h + tap * dilation_h
                        if 0 <= ih < height:
                            source = bottom[(plane * height + ih) * width : (plane * height + ih + 1) * width]
                            line = sums[tap * kernel_w * columns : (tap + 1) * kernel_w * columns]
                            if usual:
                                _add_three(source, diff, line)
                            else:
                                _add_products(source, diff, geometry, line)
            for tap in range(taps):
                total = np.float64(0)
                for ow in range(columns):
                    total += sums[tap * columns + ow]
                weight_diff[channel * taps + tap] += total


@kernel
def _add_products(source, diff, geometry, sums):
    """``sums[kw, ow] += diff[ow] source[ow stride_w - pad_w + kw dilation_w]``."""
    width, kernel_w, stride_w, pad_w, dilation_w = geometry[1], geometry[3], geometry[5], geometry[7], geometry[9]
    for column in range(kernel_w):
        shift = column * dilation_w - pad_w
        first, last = _columns(shift, stride_w, width, diff.size)
        target = sums[column * diff.size + first : column * diff.size + last]
        factors = diff[first:last]
        if stride_w == 1:
            values = source[first + shift : last + shift]
            for i in range(target.size):
                target[i] += factors[i] * values[i]
        elif stride_w == 2:
            values = source[2 * first + shift :]
            for i in range(target.size):
                target[i] += factors[i] * values[2 * i]
        else:
            for i in range(target.size):
                target[i] += factors[i] * source[(first + i) * stride_w + shift]


@kernel
def _add_three(source, diff, sums):
    """`_add_products` where `_is_usual`; ``sums`` are three rows as long as ``diff``."""
    last = diff.size - 1
    left, middle, right = sums[1 : last + 1], sums[last + 1 : 2 * last + 2], sums[2 * last + 2 : 3 * last + 3]
    shifted = diff[1:]
    for i in range(last):
        left[i] += shifted[i] * source[i]
        right[i] += diff[i] * source[i + 1]
    for i in range(last + 1):
        middle[i] += diff[i] * source[i]


class DepthwisePlan:
    """The calls for ``num`` images of ``channels`` channels; stands in for a `netdef.kernels.plans.ConvolutionPlan`.

    Parameters
    ----------
    num, channels : int
    spatial, pooled : tuple of int
        ``(height, width)`` of the bottom and of the top.
    window : tuple of int
        ``(kernel_h, kernel_w, stride_h, stride_w, pad_h, pad_w, dilation_h, dilation_w)``.
    dtype : numpy dtype
    scratch : callable
        ``scratch(key, shape)`` returns a working array that lives as long as the layer.
    """

    def __init__(self, num, channels, spatial, window, pooled, dtype, scratch: Callable) -> None:
        self.num, self.channels, self.places = num, channels, pooled[0] * pooled[1]
        self.geometry = (*spatial, *window, *pooled)
        self.taps = window[0] * window[1]
        self.zeros = np.zeros(channels, dtype)
        self.scratch = scratch
        self.operations = num * channels * self.places * self.taps * 8  # short loops: dearer than a product's

    def _twin(self, function):
        return function if slots_for(self.operations) > 1 else function.serial

    def forward(self, bottom, weight, bias, top) -> None:
        """``top`` from ``bottom``; all arrays flat, ``bias`` None where there is none."""
        self._twin(forward)(bottom, weight, self.zeros if bias is None else bias, self.geometry, top)

    def backward_data(self, top_diff, weight, bottom_diff) -> None:
        """Overwrite ``bottom_diff``."""
        self._twin(backward_data)(top_diff, weight, self.channels, self.geometry, bottom_diff)

    def backward_weight(self, bottom, top_diff, weight_diff) -> None:
        """Add to ``weight_diff``."""
        slots = slots_for(self.operations)
        buffers = self.scratch("sums", (slots, self.taps * self.geometry[11]))
        self._twin(backward_weight)(bottom, top_diff, self.channels, self.geometry, slots, buffers, weight_diff)

    def backward_bias(self, top_diff, bias_diff) -> None:
        """Add to ``bias_diff``."""
        self._twin(sum_to_bias)(top_diff, self.num, self.places, True, bias_diff)
