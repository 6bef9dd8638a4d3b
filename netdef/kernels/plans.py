"""Plans: how a convolution of given sizes is cut up, and the calls that then compute it.

A plan is made once for a shape. It chooses strips and blocks that fit the second-level cache, builds the tables
that the kernels of `netdef.kernels.convolution` read, and keeps their working memory in ``scratch``, a function
like `netdef.layer.Layer.scratch`.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from math import gcd, prod

import numba
import numpy as np

from netdef.kernels import convolution as kernels
from netdef.kernels import convolution_weight as weight_kernels
from netdef.kernels._emitter import VECTOR_BYTES
from netdef.kernels._jit import has_threads
from netdef.kernels._size import APART, slot_spaces
from netdef.kernels.im2col import col2im, im2col, pack_layout, pack_steps
from netdef.kernels.image_winograd_plan import ImageWinogradPlan, image_winograd_suits
from netdef.kernels.panels import PanelPlan
from netdef.kernels.tiles import DOT_ROWS, TILE_BYTES, TILE_ROWS, TILE_VECTORS

__all__ = ["ConvolutionPlan", "NdConvolutionPlan", "slots_for"]

PARALLEL_FROM = 1 << 21  # multiply-adds; below, waking the threads takes longer than one thread's work
PASSING = 32  # multiply-adds that take as long as moving one number
PACK_BYTES = 1 << 19  # of one slot's buffer: it shall stay in the second-level cache beside the weights
SHOWN_BYTES = 1 << 20  # of the rows of bottom and top that are computed at a time
PASS_BYTES = 1 << 25  # of the packs of one pass of the weight gradient
FEW_FILTERS = 32  # in a group: fewer leave a tile of the transposed gradient half empty
CHUNKS = 16  # at most, into which a batch is cut for the gradient of few filters
WIDE_CHUNKS = 8  # the same for many filters, whose sums take more room
NO_MASK, NO_POOLING = np.empty(0, np.int32), (0,) * 10
PARTIAL_BYTES = 1 << 22  # of the sums of all chunks: beyond, adding them takes long


def slots_for(operations: int) -> int:
    """Shares into which ``operations`` multiply-adds are dealt: one for each thread, or 1 where that costs more."""
    return numba.get_num_threads() if operations >= PARALLEL_FROM and has_threads() else 1


def _twin(function, slots: int):
    return function if slots > 1 else function.serial


class ConvolutionPlan:
    """A convolution over two spatial axes.

    Parameters
    ----------
    sizes : tuple of int
        ``(num, group, channels, height, width, num_output)``.
    window : tuple of int
        ``(kernel_h, kernel_w, stride_h, stride_w, pad_h, pad_w, dilation_h, dilation_w)``.
    pooled : tuple of int
        ``(pooled_height, pooled_width)``.
    dtype : numpy dtype
    scratch : callable
        ``scratch(key, shape)`` returns a working array that lives as long as the layer.
    """

    def __init__(self, sizes, window, pooled, dtype, scratch: Callable) -> None:
        self.sizes, self.geometry = tuple(sizes), (*window, *pooled)
        self.scratch = scratch
        num, group, channels, height, width, num_output = sizes
        kernel_h, kernel_w, stride_h, _, _, _, dilation_h, _ = window
        self.inputs, self.rows = channels // group, num_output // group
        self.direct = tuple(window[:6]) == (1, 1, 1, 1, 0, 0)
        self.places = prod(pooled)
        self.operations = num * num_output * self.inputs * kernel_h * kernel_w * self.places
        self.itemsize = np.dtype(dtype).itemsize
        self._spaces = partial(slot_spaces, scratch, self.itemsize)
        self.lanes = VECTOR_BYTES // self.itemsize
        self.zeros = np.zeros(max(num_output, channels * kernel_h * kernel_w), dtype)
        self.planes = np.arange(self.rows) * self.places
        self.single = np.arange(max(self.rows, self.inputs * kernel_h * kernel_w, self.places))
        self.weight_rows = np.arange(self.rows) * (self.inputs * kernel_h * kernel_w)
        self.transposed_rows = np.arange(self.inputs * kernel_h * kernel_w) * self.rows
        self.pixel_rows = np.arange(self.places) * self.rows
        self.image_planes = np.arange(self.inputs) * (height * width)
        self.whole = pack_layout(kernel_h, stride_h, dilation_h, pooled[0])
        self.whole_steps = self._steps(self.whole)
        self._forward_cuts: dict[int, tuple] = {}
        self.chunk_tables: tuple | None = None
        self.ones = np.ones(1, dtype)
        suits = image_winograd_suits(self.sizes, self.geometry, self.itemsize)
        self.winograd = ImageWinogradPlan(self.sizes, self.geometry, dtype, scratch) if suits else None
        self.panels = None
        if PanelPlan.suits(self.sizes, self.geometry):
            size = 1 if self.direct else self._pack_size(self.inputs, self.whole)
            self.panels = PanelPlan(sizes[2:], self.geometry, self.whole, self.whole_steps, size, dtype, scratch)
        self.unfinished = np.empty((0, 0), dtype)

    def _steps(self, layout) -> np.ndarray:
        if self.direct:
            return self.image_planes
        kernel_h, kernel_w, stride_h = self.geometry[:3]
        return pack_steps(self.inputs, kernel_h, kernel_w, stride_h, self.geometry[6], self.geometry[9], layout)

    def _pack_size(self, channels: int, layout) -> int:
        return channels * self.geometry[1] * layout[1] * layout[2] * self.geometry[9]

    def _forward_cut(self, slots: int) -> tuple:
        """(strip_rows, layout, steps, splits, buffer size) for so many slots."""
        if slots not in self._forward_cuts:
            num, group = max(self.sizes[0], 1), self.sizes[1]
            height, width = self.geometry[8:]
            fill = max(1, -(-(TILE_BYTES // self.itemsize) // width))  # rows that fill a tile
            strips = 1
            if not self.direct:
                size = self._pack_size(self.inputs, self.whole) * self.itemsize
                strips = min(-(-size // PACK_BYTES), -(-height // fill))
            if num < slots:  # what is finished, or read by the next layer, shall still be in the cache
                shown = num * (group * self.rows + self.sizes[2]) * self.places * self.itemsize
                wanted = max(strips * num, -(-shown // SHOWN_BYTES))
                strips = max(strips, min(-(-(-(-wanted // slots) * slots) // num), height // fill))
            strip_rows = -(-height // max(strips, 1))
            whole = self.lanes // gcd(self.lanes, width)  # rows that fill vectors
            if whole < strip_rows and strips > 1:
                strip_rows = -(-strip_rows // whole) * whole
            strips = -(-height // strip_rows)
            tiles = group * -(-self.rows // TILE_ROWS)
            splits = min(tiles, -(-slots // (num * strips)))
            layout = pack_layout(self.geometry[0], self.geometry[2], self.geometry[6], strip_rows)
            size = 1 if self.direct else self._pack_size(self.inputs, layout)
            self._forward_cuts[slots] = strip_rows, layout, self._steps(layout), splits, size
        return self._forward_cuts[slots]

    @property
    def can_finish(self) -> bool:
        """Whether `forward` takes a ``finish``."""
        return self.winograd is None

    def forward(self, bottom, weight, bias, top, finish=None) -> None:
        """``top`` from ``bottom``; all arrays flat, ``bias`` None where there is none.

        ``finish`` is applied as `netdef.kernels.finish` says, where the plan can.
        """
        slots = slots_for(self.operations)
        finish = self.unfinished if finish is None else finish
        if self.winograd:
            self.winograd.forward(_twin, slots, bottom, weight, bias, top)
            return
        bias = self.zeros if bias is None else bias
        if self.panels:
            slots = slots_for(self.operations * (4 if self.places < self.lanes else 1))  # few pixels: weights take long
            self.panels.forward(_twin, slots, bottom, weight, bias, self.zeros, finish, top)
            return
        strip_rows, layout, steps, splits, size = self._forward_cut(slots)
        _twin(kernels.forward, slots)(
            bottom, weight, bias, self.sizes, self.geometry, self.direct, strip_rows,
            layout[2], splits, steps, self.weight_rows, self.single, self.planes, self.zeros, finish,
            self._spaces("pack", slots, size), top,
        )  # fmt: skip

    @property
    def pools(self) -> bool:
        """Whether to call `forward_and_pool`.

        An image's top must not leave the cache before it is pooled, and there must be images enough for all threads.
        """
        slots, num = slots_for(self.operations), self.sizes[0]
        fits = self.winograd is self.panels is None and self.sizes[5] * self.places * self.itemsize <= PACK_BYTES
        return fits and (num % slots == 0 or num > 4 * slots)

    def forward_and_pool(self, bottom, weight, bias, top, pooling, pairs, offsets, mask, pooled) -> None:
        """`forward` and `netdef.kernels.pooling.max_forward` of ``top``."""
        slots = slots_for(self.operations)
        strip_rows, layout, steps, _, size = self._forward_cut(1)
        _twin(kernels.forward_and_pool, slots)(
            bottom, weight, self.zeros if bias is None else bias, self.sizes, self.geometry, self.direct, strip_rows,
            layout[2], steps, self.weight_rows, self.single, self.planes, self.zeros,
            self.unfinished, self._spaces("pack", slots, size), top, pooling, pairs, offsets, mask, pooled,
        )  # fmt: skip

    def backward_data(self, top_diff, weight, bottom_diff) -> None:
        """Overwrite ``bottom_diff``."""
        slots = slots_for(self.operations)
        if self.winograd:
            self.winograd.backward_data(_twin, slots, top_diff, weight, bottom_diff)
            return
        num, group = max(self.sizes[0], 1), self.sizes[1]
        size = self._pack_size(1, self.whole) * self.itemsize
        blocks = 1 if self.direct else -(-self.inputs * size // PACK_BYTES)
        blocks = min(max(blocks, -(-slots // (num * group))), self.inputs)
        block = -(-self.inputs // blocks)
        buffer = 1 if self.direct else self._pack_size(block, self.whole)
        transposed = self.scratch("transposed", (weight.size,))
        shares = slots_for(weight.size * PASSING)
        run = _twin(kernels.transpose_weight, shares)
        run(weight, group, self.rows, weight.size // self.sizes[5], shares, transposed)
        _twin(kernels.backward_data, slots)(
            top_diff, transposed, self.sizes, self.geometry, self.direct, self.whole[2], block, self.whole_steps,
            self.planes, self.transposed_rows, self.single, self.zeros, self._spaces("pack", slots, buffer),
            bottom_diff,
        )  # fmt: skip

    def backward_weight(self, bottom, top_diff, weight_diff, bias_diff=None) -> None:
        """Add to ``weight_diff`` and, where it is given, to ``bias_diff``."""
        if not top_diff.size:
            return
        if self.winograd:
            slots = slots_for(self.operations)
            self.winograd.backward_weight(_twin, slots, bottom, top_diff, weight_diff, bias_diff)
            return
        num, group = self.sizes[:2]
        if self.rows >= FEW_FILTERS:
            wide = -(-self.rows // self.lanes) * self.lanes
            chunks = min(num, WIDE_CHUNKS)
            room = group * (self.whole_steps.size + 1) * wide
            if num > 1 and chunks * room * self.itemsize <= PARTIAL_BYTES:
                self._chunked_gradient(bottom, top_diff, weight_diff, bias_diff, chunks, wide)
                return
        if self.rows < FEW_FILTERS:
            self._dot_gradient(bottom, top_diff, weight_diff, bias_diff, self.zeros[:0], NO_MASK, NO_POOLING)
            return
        if bias_diff is not None:
            self.backward_bias(top_diff, bias_diff)
        self._transposed_gradient(bottom, top_diff, weight_diff)

    @property
    def spreads(self) -> bool:
        """Whether there is `spread_and_backward_weight`."""
        return self.winograd is None and self.rows < FEW_FILTERS and self.sizes[0] > 0

    def spread_and_backward_weight(self, bottom, top_diff, weight_diff, bias_diff, pooled_diff, mask, pooling) -> None:
        """Overwrite ``top_diff`` as `netdef.kernels.pooling.pairs_backward` does, then `backward_weight`."""
        self._dot_gradient(bottom, top_diff, weight_diff, bias_diff, pooled_diff, mask, pooling)

    def _chunked_gradient(self, bottom, top_diff, weight_diff, bias_diff, chunks: int, wide: int) -> None:
        """A few images at a time, or a part of one: so many pixels as fill a tile's depth."""
        slots = slots_for(self.operations)
        num, group, channels, height, width, _ = self.sizes
        kernel_h, kernel_w, stride_h, stride_w, pad_h, pad_w, dilation_h, dilation_w, *pooled = self.geometry
        tall, broad = height + 2 * pad_h, width + 2 * pad_w
        together = max(1, min(weight_kernels.DEPTH // self.places, -(-num // chunks)))
        depth = self.whole_steps.size
        if self.chunk_tables is None:
            channel = np.arange(self.inputs)[:, None, None] * (tall * broad)
            taps = channel + (np.arange(kernel_h) * dilation_h * broad)[:, None] + np.arange(kernel_w) * dilation_w
            image = np.arange(together)[:, None, None] * (channels * tall * broad)
            pixels = image + (np.arange(pooled[0]) * stride_h * broad)[:, None] + np.arange(pooled[1]) * stride_w
            lines = np.arange(max(min(self.places, weight_kernels.DEPTH), together * self.places)) * wide
            rows = np.arange(max(depth, 2)) * wide  # the kernel takes the second for the distance of all
            self.chunk_tables = taps.reshape(-1), pixels.reshape(-1), lines, rows, np.zeros(lines.size, np.int64)
        taps, pixels, lines, rows, still = self.chunk_tables
        padded = together * channels * tall * broad if pad_h or pad_w else 0
        partial = self.scratch("partial", (chunks, group * (depth + 1) * wide))
        _twin(weight_kernels.chunked_gradient, slots)(
            bottom, top_diff, self.sizes, self.geometry, chunks, together, taps, pixels, lines, rows, self.ones, still,
            self.zeros, self.scratch("padded", (slots, together, padded // together)),
            self._spaces("lines", slots, lines.size * wide), partial,
        )  # fmt: skip
        shares = slots_for(weight_diff.size * PASSING)
        _twin(weight_kernels.add_chunks, shares)(partial, group, self.rows, depth, wide, shares, weight_diff)
        if bias_diff is not None:
            weight_kernels.add_bias_chunks(partial, group * depth * wide, self.rows, wide, bias_diff)

    def _dot_gradient(self, bottom, top_diff, weight_diff, bias_diff, pooled_diff, mask, pooling) -> None:
        """A few images are packed at a time: enough to fill the first-level cache."""
        slots, num = slots_for(self.operations), self.sizes[0]
        chunks = min(num, CHUNKS)
        size = 1 if self.direct else self._pack_size(self.sizes[2], self.whole)
        images = 1 if self.direct else max(1, min(-(-num // chunks), 1024 // self.places))
        _twin(weight_kernels.dot_gradient, slots)(
            bottom, top_diff, self.sizes, self.geometry, self.direct, self.whole[2], self.whole_steps, self.zeros,
            chunks, images, pooled_diff, mask, pooling,
            self.scratch("few packs", (slots, images + -(-APART // (size * self.itemsize)), size)),
            self.scratch("partial", (chunks, weight_diff.size)), self.scratch("sums", num * self.sizes[5]), weight_diff,
            self.zeros[:0] if bias_diff is None else bias_diff,
        )  # fmt: skip

    def _transposed_gradient(self, bottom, top_diff, weight_diff) -> None:
        """As many images at a time as their packs have room."""
        slots = slots_for(self.operations)
        num, group, channels, _, _, num_output = self.sizes
        depth, lanes = self.whole_steps.size, TILE_BYTES // self.itemsize // TILE_VECTORS
        dots = self.rows % lanes if self.rows % lanes <= DOT_ROWS else 0
        size = 1 if self.direct else self._pack_size(channels, self.whole)
        images = max(1, min(num, PASS_BYTES // ((size + num_output * self.places) * self.itemsize)))
        packs = self.scratch("packs", (images, size))
        rows = self.scratch("rows", (images, num_output * self.places))
        transposed = self.scratch("transposed", (weight_diff.size,))
        for first in range(0, num, images):
            _twin(weight_kernels.transposed_gradient, slots)(
                bottom, top_diff, self.sizes, self.geometry, self.direct, self.whole[2], first,
                min(first + images, num), dots, self.whole_steps, self.single, self.pixel_rows, self.transposed_rows,
                self.zeros, slots, packs, rows, transposed, weight_diff,
            )  # fmt: skip
        slots = slots_for(weight_diff.size * PASSING)
        _twin(weight_kernels.add_transposed, slots)(transposed, group, self.rows, depth, dots, slots, weight_diff)

    def backward_bias(self, top_diff, bias_diff) -> None:
        """Add to ``bias_diff``."""
        slots = slots_for(top_diff.size * PASSING // 4)
        run = _twin(weight_kernels.bias_gradient, slots)
        run(top_diff, self.sizes[0], self.sizes[5], self.places, slots, bias_diff)


class NdConvolutionPlan:
    """A convolution over any number of spatial axes: each image's im2col matrix, multiplied as by a 1x1 kernel.

    ``shape``, ``kernel_shape``, ``stride``, ``pad``, ``dilation`` and ``pooled`` have one number for each axis.
    """

    def __init__(self, num, group, channels, num_output, shape, kernel_shape, stride, pad, dilation, pooled,
                 dtype, scratch: Callable) -> None:  # fmt: skip
        self.num, self.channels, self.can_finish = num, channels, False
        self.axes = [np.array(sizes, np.int64) for sizes in (shape, kernel_shape, stride, pad, dilation, pooled)]
        self.scratch = scratch
        self.places, self.pixels = prod(pooled), channels * prod(shape)
        self.depth, self.outputs = channels * prod(kernel_shape), num_output * prod(pooled)
        sizes = (1, group, self.depth, self.places, 1, num_output)
        self.matrix = ConvolutionPlan(sizes, (1, 1, 1, 1, 0, 0, 1, 1), (self.places, 1), dtype, scratch)

    def _images(self):
        return ((n * self.pixels, slice(n * self.outputs, (n + 1) * self.outputs)) for n in range(self.num))

    def _col(self):
        return self.scratch("col", (self.depth * self.places,))

    def forward(self, bottom, weight, bias, top) -> None:
        """See `ConvolutionPlan.forward`."""
        for start, outputs in self._images():
            im2col(bottom, start, self.channels, *self.axes, self._col())
            self.matrix.forward(self._col(), weight, bias, top[outputs])

    def backward_data(self, top_diff, weight, bottom_diff) -> None:
        """See `ConvolutionPlan.backward_data`."""
        for start, outputs in self._images():
            self.matrix.backward_data(top_diff[outputs], weight, self._col())
            col2im(self._col(), self.channels, *self.axes, bottom_diff, start)

    def backward_weight(self, bottom, top_diff, weight_diff, bias_diff=None) -> None:
        """See `ConvolutionPlan.backward_weight`."""
        if bias_diff is not None:
            self.backward_bias(top_diff, bias_diff)
        for start, outputs in self._images():
            im2col(bottom, start, self.channels, *self.axes, self._col())
            self.matrix.backward_weight(self._col(), top_diff[outputs], weight_diff)

    def backward_bias(self, top_diff, bias_diff) -> None:
        """See `ConvolutionPlan.backward_bias`."""
        for _, outputs in self._images():
            self.matrix.backward_bias(top_diff[outputs], bias_diff)
