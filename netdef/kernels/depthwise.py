"""Convolution in which every channel has one filter of its own, forward and backward.

    top[n, c, oh, ow]             = bias[c] + sum_{kh, kw} weight[c, kh, kw] bottom[n, c, ih, iw]
    weight_diff[c, kh, kw]       += sum_{n, oh, ow} top_diff[n, c, oh, ow] bottom[n, c, ih, iw]
    bottom_diff[n, c, ih, iw]     = sum_{kh, kw} weight[c, kh, kw] top_diff[n, c, oh, ow]

with ``ih = oh stride_h - pad_h + kh dilation_h``, likewise ``iw``, and zeros outside of the image. There is nothing
to multiply as matrices: each row is a sum of shifted rows, in the registers of `netdef.kernels._tap_rows`.

Arrays are flat views of C-contiguous blobs; ``geometry`` is (height, width, kernel_h, kernel_w, stride_h, stride_w,
pad_h, pad_w, dilation_h, dilation_w, pooled_height, pooled_width). Sums run in the arrays' own dtype, the
weight gradient's over the lanes of a vector in float64.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from math import gcd

import numpy as np

from netdef.kernels._jit import kernel, prange
from netdef.kernels._tap_rows import VECTOR_BYTES, tap_row, tap_sums
from netdef.kernels.bias import sum_to_bias
from netdef.kernels.depthwise3 import sum_windows_3x3, weight_gradient_3x3
from netdef.kernels.lane_windows import LaneWindows
from netdef.kernels.plans import slots_for

__all__ = ["DepthwisePlan", "backward_data", "backward_weight", "forward", "owing_taps", "scatter_plane"]


@kernel
def _places(shift, stride, size, places):
    """``(first, last)`` of the outputs ``o`` with ``0 <= o stride + shift < size``."""
    first = 0 if shift >= 0 else (-shift + stride - 1) // stride
    return first, max(first, min(places, (size - shift + stride - 1) // stride))


@kernel(parallel=True)
def forward(bottom, weight, bias, geometry, top):
    """``top``; a plane is one unit of work."""
    height, width, kernel_h, kernel_w, stride_h, stride_w, pad_h, pad_w, dilation_h, dilation_w, rows, columns = (
        geometry
    )
    channels = bias.size
    for unit in prange(top.size // (rows * columns)):
        plane = np.int64(unit)  # a prange counts in uint64, which with int64 would make float64
        channel = plane % channels
        for oh in range(rows):
            first, last = _places(oh * stride_h - pad_h, dilation_h, height, kernel_h)
            row = oh * stride_h - pad_h + first * dilation_h
            tap_row(bottom, (plane * height + row) * width, last - first, dilation_h * width, width, -pad_w, kernel_w,
                    dilation_w, stride_w, columns, weight, (channel * kernel_h + first) * kernel_w, kernel_w, 1,
                    bias, channel, top, (plane * rows + oh) * columns, 1)  # fmt: skip


@lru_cache(maxsize=1024)
def owing_taps(size: int, pad: int, kernel: int, stride: int, dilation: int, places: int, bounded: bool) -> np.ndarray:
    """For each pixel of an axis the taps that reach it from an output: (first tap, number, output of the first).

    From one tap to the next are ``stride / g`` taps and ``dilation / g`` outputs back, g being the greatest common
    divisor. ``bounded``: only those whose output is one of ``places``.
    """
    apart = stride // gcd(stride, dilation)
    table = np.zeros((size, 3), np.int64)
    for pixel in range(size):
        taps = [tap for tap in range(min(kernel, apart)) if (pixel + pad - tap * dilation) % stride == 0]
        if not taps:
            continue
        taps = np.arange(taps[0], kernel, apart)
        outputs = (pixel + pad - taps * dilation) // stride
        kept = np.flatnonzero((outputs >= 0) & (outputs < places) | (not bounded))
        if kept.size:
            table[pixel] = taps[kept[0]], kept.size, outputs[kept[0]]
    return table


@kernel
def scatter_plane(source, s0, columns, row_taps, column_taps, steps, width, weight, w0, w_row, w_tap, zero,
                  target, t0):  # fmt: skip
    """A plane of ``target``, from ``t0`` on: what a plane of ``source``, ``columns`` wide, owes to each of its pixels.

    ``row_taps`` and ``column_taps`` are `owing_taps` of all rows and of the first pixels, as many as the stride;
    ``steps`` their (taps, outputs, taps, outputs) from one to the next. Tap (kh, kw) weighs
    ``weight[w0 + kh w_row + kw w_tap]``. ``zero`` is one zero.
    """
    stride = column_taps.shape[0]
    for ih in range(row_taps.shape[0]):
        start, row = s0 + row_taps[ih, 2] * columns, t0 + ih * width
        for phase in range(min(stride, width)):
            first = w0 + row_taps[ih, 0] * w_row + column_taps[phase, 0] * w_tap
            count = (width - phase + stride - 1) // stride
            tap_row(source, start, row_taps[ih, 1], -steps[1] * columns, columns, column_taps[phase, 2],
                    column_taps[phase, 1], -steps[3], 1, count, weight, first, steps[0] * w_row, steps[2] * w_tap,
                    zero, 0, target, row + phase, stride)  # fmt: skip


@kernel(parallel=True)
def backward_data(top_diff, weight, channels, geometry, row_taps, column_taps, steps, zero, bottom_diff):
    """``bottom_diff``: every row of the image gathers what the rows of the top owe it."""
    height, width, kernel_h, kernel_w = geometry[0], geometry[1], geometry[2], geometry[3]
    rows, columns = geometry[10], geometry[11]
    for unit in prange(bottom_diff.size // (height * width)):
        plane = np.int64(unit)
        scatter_plane(top_diff, plane * rows * columns, columns, row_taps, column_taps, steps, width, weight,
                          plane % channels * kernel_h * kernel_w, kernel_w, 1, zero, bottom_diff,
                          plane * height * width)  # fmt: skip


@kernel(parallel=True)
def backward_weight(bottom, top_diff, channels, geometry, slots, buffers, weight_diff):
    """Add to ``weight_diff``; each slot takes whole channels, with a vector of sums for each tap in its buffer."""
    height, width, kernel_h, kernel_w, stride_h, stride_w, pad_h, pad_w, dilation_h, dilation_w, rows, columns = (
        geometry
    )
    taps = kernel_h * kernel_w
    lanes = buffers.shape[1] // taps
    images = top_diff.size // (channels * rows * columns)
    for slot in prange(slots):
        sums = buffers[slot]
        for channel in range(slot * channels // slots, (slot + 1) * channels // slots):
            for i in range(sums.size):
                sums[i] = 0
            for image in range(images):
                plane = image * channels + channel
                for tap in range(kernel_h):
                    shift = tap * dilation_h - pad_h
                    first, last = _places(shift, stride_h, height, rows)
                    source = (plane * height + first * stride_h + shift) * width
                    tap_sums(bottom, source, stride_h * width, top_diff, (plane * rows + first) * columns, columns,
                             last - first, width, -pad_w, kernel_w, dilation_w, stride_w, columns, sums,
                             tap * kernel_w * lanes)  # fmt: skip
            for tap in range(taps):
                total = np.float64(0)
                for i in range(tap * lanes, (tap + 1) * lanes):
                    total += sums[i]
                weight_diff[channel * taps + tap] += total


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
        self.spatial, self.pooled, self.stride, self.pad = tuple(spatial), tuple(pooled), window[2], tuple(window[4:6])
        self.geometry = (*spatial, *window, *pooled)
        self.taps = window[0] * window[1]
        self.lanes = VECTOR_BYTES // np.dtype(dtype).itemsize
        self.zeros, self.unfinished = np.zeros(channels, dtype), np.empty((0, 0), dtype)
        self.scratch = scratch
        self.operations = num * channels * self.places * self.taps * 8  # dearer than a product's
        axes = zip(spatial, *(window[i : i + 2] for i in (0, 2, 4, 6)), pooled)
        fits = 2 * channels > self.lanes  # fewer leave vectors of channels empty
        self.three = tuple(window[:2]) == (3, 3) and window[2] == window[3] < 3 and tuple(window[6:]) == (1, 1)
        if self.stride == 2 and fits and 2 * pooled[1] <= self.lanes:  # short rows leave those of columns empty
            self.three = False
        self.windows = LaneWindows(num, channels, *axes, dtype, scratch) if fits else None

    def _twin(self, function):
        return function if slots_for(self.operations) > 1 else function.serial

    @property
    def can_finish(self) -> bool:
        """Whether `forward` takes a ``finish``."""
        return self.three or self.windows is not None

    def forward(self, bottom, weight, bias, top, finish=None) -> None:
        """``top`` from ``bottom``; all arrays flat, ``bias`` None where there is none.

        ``finish`` is applied as `netdef.kernels.finish` says.
        """
        bias = self.zeros if bias is None else bias
        finish = self.unfinished if finish is None else finish
        if self.three:
            run = self._twin(sum_windows_3x3)
            run(bottom, weight, bias, self.spatial, self.pad, self.stride, False, self.pooled, finish, top)
            return
        if self.windows is not None:
            self.windows.run(False, slots_for(self.operations), bottom, weight, bias, top, finish=finish)
            return
        self._twin(forward)(bottom, weight, bias, self.geometry, top)

    def backward_data(self, top_diff, weight, bottom_diff) -> None:
        """Overwrite ``bottom_diff``."""
        if self.three and self.stride == 1:
            pad = 2 - self.pad[0], 2 - self.pad[1]
            run = self._twin(sum_windows_3x3)
            run(top_diff, weight, self.zeros, self.pooled, pad, 1, True, self.spatial, self.unfinished, bottom_diff)
            return
        if self.windows is not None:
            self.windows.run(True, slots_for(self.operations), top_diff, weight, self.zeros, bottom_diff)
            return
        kernel, stride, pad, dilation = (self.geometry[i : i + 2] for i in (2, 4, 6, 8))
        spatial, pooled = self.geometry[:2], self.geometry[10:]
        row_taps = owing_taps(spatial[0], pad[0], kernel[0], stride[0], dilation[0], pooled[0], True)
        column_taps = owing_taps(stride[1], pad[1], kernel[1], stride[1], dilation[1], pooled[1], False)
        divisors = [gcd(*pair) for pair in zip(stride, dilation)]
        steps = tuple(pair[i] // divisors[i] for i in range(2) for pair in (stride, dilation))
        self._twin(backward_data)(
            top_diff, weight, self.channels, self.geometry, row_taps, column_taps, steps, self.zeros,
            bottom_diff,
        )  # fmt: skip

    def backward_weight(self, bottom, top_diff, weight_diff, bias_diff=None) -> None:
        """Add to ``weight_diff`` and, where it is given, to ``bias_diff``."""
        if bias_diff is not None:
            self.backward_bias(top_diff, bias_diff)
        slots = slots_for(self.operations)
        if self.three:
            buffers = self.scratch("sums", (slots, 9 * self.lanes))
            run = self._twin(weight_gradient_3x3)
            run(bottom, top_diff, self.channels, self.spatial, self.pad, self.stride, self.pooled, buffers, weight_diff)
            return
        if self.windows is not None:
            self.windows.add_weight_gradient(slots, bottom, top_diff, weight_diff)
            return
        buffers = self.scratch("sums", (slots, self.taps * self.lanes))
        self._twin(backward_weight)(bottom, top_diff, self.channels, self.geometry, slots, buffers, weight_diff)

    def backward_bias(self, top_diff, bias_diff) -> None:
        """Add to ``bias_diff``."""
        self._twin(sum_to_bias)(top_diff, self.num, self.places, True, bias_diff)
