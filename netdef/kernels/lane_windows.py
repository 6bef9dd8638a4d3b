"""Sums over the windows of single channels, with as many channels side by side as a vector has lanes.

Depthwise convolution, average pooling and the gradients of both are one kernel, `sum_windows`, with tables of their own
(`netdef.kernels.lane_tables`):

    target[n, c, place] = bias[c] + sum_k weight[c, k] source[n, c, pixel(place, k)]

A strip of an image's rows, in a block of channels, is spread into a padded image of vectors, summed, and the sums are
collected again. Sums run in the arrays' own dtype; `weight_gradient` adds those of strips in float64. Which slot
computes what never shows in the result.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from netdef.kernels._jit import kernel, prange
from netdef.kernels._lanes import (
    VECTOR_BYTES,
    collect_planes,
    scale_pixels,
    spread_planes,
    window_row,
    window_sums,
)
from netdef.kernels.finish import finish_row
from netdef.kernels.lane_tables import WindowTables, backward_axis, forward_axis, window_tables

__all__ = ["LaneWindows", "sum_windows", "weight_gradient"]

CHUNKS = 8  # at most, into which a batch is cut for the gradient of the weights


@kernel(parallel=True)
def sum_windows(source, weight, bias, channels, sizes, places, rows, columns, ranges, offsets, weights, strip_rows,
                before, after, finish, line, packs, lines, factors, target):  # fmt: skip
    """``target``, ``(images, channels, place)``, from ``source``, ``(images, channels, pixel)``; both flat.

    The weights are ``(channels, taps)``; where there are none, all are 1 and there is no bias. ``before`` and
    ``after`` are numbers by which the pixels and the sums are multiplied, empty where they stay as they are; ``line``
    has the places of the sums as vectors; ``finish`` is applied as `netdef.kernels.finish` says. Each slot has a pack,
    a line of vectors and room for weights as vectors.
    """
    slots, lanes = packs.shape[0], VECTOR_BYTES // source.itemsize
    pixels, width, outputs, out_width, step, out_step = sizes
    blocks, strips = -(-channels // lanes), -(-rows.shape[0] // strip_rows)
    images = source.size // (channels * pixels)
    taps, units = offsets.size, blocks * images * strips
    for slot in prange(slots):
        pack, sums, vectors = packs[slot], lines[slot], factors[slot]
        held = -1
        for i in range(pack.size):
            pack[i] = 0
        for i in range(vectors.size):
            vectors[i] = 1 if i < taps * lanes else 0
        for unit in range(slot * units // slots, (slot + 1) * units // slots):
            block, strip, image = unit // (images * strips), unit % strips, unit // strips % images
            first_channel = block * lanes
            planes = min(lanes, channels - first_channel)
            if block != held and weight.size:
                _spread_weights(weight, bias, first_channel, planes, taps, lanes, vectors)
            held = block
            if strips > 1:
                for i in range(pack.size):
                    pack[i] = 0
            first, last = strip * strip_rows, min((strip + 1) * strip_rows, rows.shape[0])
            shift, begin = rows[first, 0], rows[first, 2]
            count = max(rows[last - 1, 3] - begin, 0) * width
            plane = image * channels + first_channel
            spread_planes(source, plane * pixels + begin * width, pixels, planes, count, places, begin * width,
                          pack, -shift)  # fmt: skip
            if before.size:
                scale_pixels(pack, -shift, places, begin * width, before, count)
            for row in range(first, last):
                for phase in range(columns.shape[0]):
                    part = rows[row, 1] * columns.shape[0] + phase
                    window_row(pack, rows[row, 0] - shift + columns[phase, 2], step, offsets, weights, ranges[part, 0],
                               ranges[part, 1], vectors, vectors, taps * lanes, sums,
                               ((row - first) * out_width + columns[phase, 0]) * lanes, out_step,
                               columns[phase, 1])  # fmt: skip
            count = (last - first) * out_width
            if after.size:
                scale_pixels(sums, -first * out_width * lanes, line, first * out_width, after, count)
            collect_planes(sums, 0, count, target, plane * outputs + first * out_width, outputs, planes)
            for lane in range(planes if finish.shape[0] else 0):
                start = (plane + lane) * outputs + first * out_width
                finish_row(finish, first_channel + lane, target, start, count)


@kernel
def _spread_weights(weight, bias, first, planes, taps, lanes, vectors):
    """The weights of a block of channels as vectors, and after them the bias."""
    for lane in range(planes):
        for tap in range(taps):
            vectors[tap * lanes + lane] = weight[(first + lane) * taps + tap]
        vectors[taps * lanes + lane] = bias[first + lane]


@kernel(parallel=True)
def weight_gradient(source, top_diff, channels, sizes, places, rows, offsets, strip_rows, line, chunks, packs, lines,
                    sums, partial, weight_diff):  # fmt: skip
    """Add ``sum over images and places of top_diff[n, c, place] source[n, c, pixel(place, k)]`` to ``weight_diff``.

    The tables are those of the forward pass. The images are cut into ``chunks``; ``partial``, ``(chunks, blocks,
    taps, lanes)`` in float64, gets their sums, which are added in their order. Each slot has two packs of vectors
    and room for a sum of each tap.
    """
    slots, lanes = packs.shape[0], VECTOR_BYTES // source.itemsize
    pixels, width, outputs, out_width, step, _ = sizes
    blocks, strips = -(-channels // lanes), -(-rows.shape[0] // strip_rows)
    images = source.size // (channels * pixels)
    taps, units = offsets.size, blocks * chunks
    for slot in prange(slots):
        pack, diffs, totals = packs[slot], lines[slot], sums[slot]
        for i in range(pack.size):
            pack[i] = 0
        for unit in range(slot * units // slots, (slot + 1) * units // slots):
            chunk, first_channel = unit // blocks, unit % blocks * lanes
            planes = min(lanes, channels - first_channel)
            found = partial[unit]
            for i in range(found.size):
                found[i] = 0
            for part in range(chunk * images // chunks * strips, (chunk + 1) * images // chunks * strips):
                plane, strip = part // strips * channels + first_channel, part % strips
                first, last = strip * strip_rows, min((strip + 1) * strip_rows, rows.shape[0])
                shift, begin = rows[first, 0], rows[first, 2]
                if strips > 1:
                    for i in range(pack.size):
                        pack[i] = 0
                spread_planes(source, plane * pixels + begin * width, pixels, planes,
                              max(rows[last - 1, 3] - begin, 0) * width, places, begin * width, pack,
                              -shift)  # fmt: skip
                spread_planes(top_diff, plane * outputs + first * out_width, outputs, planes,
                              (last - first) * out_width, line, 0, diffs, 0)  # fmt: skip
                for i in range(totals.size):
                    totals[i] = 0
                pitch = rows[min(first + 1, last - 1), 0] - shift
                window_sums(pack, 0, pitch, step, offsets, taps, diffs, 0, out_width * lanes, last - first, out_width,
                            totals)  # fmt: skip
                for i in range(totals.size):
                    found[i] += totals[i]
    for unit in range(units):
        first_channel = unit % blocks * lanes
        for lane in range(min(lanes, channels - first_channel)):
            for tap in range(taps):
                weight_diff[(first_channel + lane) * taps + tap] += partial[unit, tap * lanes + lane]


class LaneWindows:
    """The calls for ``num`` images of ``channels`` channels.

    Parameters
    ----------
    num, channels : int
    vertical, horizontal : tuple of int
        ``(size, kernel, stride, pad, dilation, outputs)`` of an axis.
    dtype : numpy dtype
    scratch : callable
        ``scratch(key, shape)`` returns a working array that lives as long as the layer.
    """

    def __init__(self, num, channels, vertical, horizontal, dtype, scratch: Callable) -> None:
        self.num, self.channels, self.scratch = num, channels, scratch
        self.itemsize = np.dtype(dtype).itemsize
        self.lanes = VECTOR_BYTES // self.itemsize
        self.blocks = -(-channels // self.lanes)
        self.axes = vertical, horizontal
        self.none, self.unfinished = np.empty(0, dtype), np.empty((0, 0), dtype)
        self.directions: dict[bool, tuple[WindowTables, np.ndarray]] = {}

    def _tables(self, back: bool) -> tuple[WindowTables, np.ndarray]:
        if back not in self.directions:
            axes = [(backward_axis if back else forward_axis)(*axis) for axis in self.axes]
            tables = window_tables(*axes, self.lanes, self.itemsize)
            self.directions[back] = tables, np.arange(tables.sizes[2]) * self.lanes
        return self.directions[back]

    def run(self, back, slots, source, weight, bias, target, before=None, after=None, finish=None) -> None:
        """`sum_windows`, forward or ``back`` to the image; what is None is empty."""
        tables, line = self._tables(back)
        weight, bias, before, after = (self.none if given is None else given for given in (weight, bias, before, after))
        (sum_windows if slots > 1 else sum_windows.serial)(
            source, weight, bias, self.channels, *tables[:8], before, after,
            self.unfinished if finish is None else finish, line,
            self._rows("pack", slots, tables.strip_size),
            self._rows("lines", slots, tables.strip_rows * tables.sizes[3] * self.lanes),
            self._rows("factors", slots, (tables.offsets.size + 1) * self.lanes), target,
        )  # fmt: skip

    def add_weight_gradient(self, slots, source, top_diff, weight_diff) -> None:
        """`weight_gradient`."""
        tables, line = self._tables(False)
        chunks, taps = min(self.num, CHUNKS), tables.offsets.size
        (weight_gradient if slots > 1 else weight_gradient.serial)(
            source, top_diff, self.channels, tables.sizes, tables.places, tables.rows, tables.offsets,
            tables.strip_rows, line, chunks, self._rows("pack", slots, tables.strip_size),
            self._rows("lines", slots, tables.strip_rows * tables.sizes[3] * self.lanes),
            self._rows("sums", slots, taps * self.lanes),
            self.scratch("partial", (chunks * self.blocks, taps * self.lanes), np.float64), weight_diff,
        )  # fmt: skip

    def _rows(self, key: str, count: int, width: int) -> np.ndarray:
        """A working array whose rows start where a vector does: no load then crosses a line of the cache."""
        flat = self.scratch(key, (count * width + self.lanes,))
        skipped = -flat.ctypes.data % VECTOR_BYTES // self.itemsize
        return flat[skipped : skipped + count * width].reshape(count, width)
