"""Convolution of a single image that is small beside its filters, as one product of matrices.

    top[m, p] = bias[m] + sum_k weight[m, k] col[k, p]

The rows of ``col``, the im2col matrix, lie where the CPU's vectors like them: pixels are cut into tiles as wide as the
register tiles of `netdef.kernels.tiles`, and of each tile the rows follow one another, a *panel*, so many rows at a
time as the second-level cache holds. The few pixels that do not fill a vector, 1 of 7x7 or 4 of 14x14, are kept as
columns instead, and multiplied along ``k``. The threads share the panels; each takes filters of its own.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from math import prod

import numpy as np

from netdef.kernels._emitter import TILE_VECTORS, VECTOR_BYTES
from netdef.kernels._jit import kernel, prange
from netdef.kernels._panel_rows import lay_rows
from netdef.kernels._size import slot_spaces
from netdef.kernels.blocks import dot_tile, multiply_block
from netdef.kernels.finish import finish_row
from netdef.kernels.im2col import pack_image
from netdef.kernels.tiles import DOT_COLUMNS, DOT_ROWS, TILE_ROWS

__all__ = ["PanelPlan", "multiply_panels"]

DEPTH = 512  # rows of a panel, at most: it and the weights for it stay in the second-level cache
RUN = 1024  # weights of a filter that are multiplied at a time with the pixels that fill no vector
MOST_PLACES = 1024  # pixels: with more the image is larger than the filters
FEWEST_FILTERS = 64
FEWEST_WEIGHTS = 1 << 13


@kernel(parallel=True)
def multiply_panels(bottom, weight, bias, sizes, geometry, direct, layout_rows, steps, cut, vectors, shares,
                    weight_rows, single, columns, panel_steps, planes, zeros, finish, packs, panels, top):  # fmt: skip
    """``top = bias + weight * bottom``, with ``finish`` applied as `netdef.kernels.finish` says.

    ``sizes`` is (channels, height, width), ``direct``: a 1x1 kernel with stride 1 and no padding, for which nothing is
    packed; ``steps``, ``layout_rows`` belong to `netdef.kernels.im2col`. ``cut`` channels are laid out at a time, and
    ``vectors`` hold the pixels but for those that are columns. ``shares``, (of filters, of vectors), are as many as
    the slots, of which each has a pack and a panel. ``panel_steps[v]`` are the distances of the rows of a panel of
    ``v`` vectors, ``columns`` those of the columns behind it, ``weight_rows`` and ``planes`` those of the rows of the
    weights and of the top, ``single`` the numbers from 0 on.
    """
    channels, height, width = sizes
    area, rows, lanes, taps = geometry[8] * geometry[9], planes.size, VECTOR_BYTES // top.itemsize, steps.size // cut
    image_rows = (geometry[8] - 1) * geometry[2] + (geometry[0] - 1) * geometry[6] + 1
    count = -(-rows // TILE_ROWS)
    for slot in prange(shares[0] * shares[1]):
        share, part = slot // shares[1], slot % shares[1]
        pack, panel = packs[slot], panels[slot]
        first, last = share * count // shares[0], (share + 1) * count // shares[0]
        low, high = first * rows // count, last * rows // count
        begin = part * vectors // shares[1] * lanes
        end = min((part + 1) * vectors // shares[1] * lanes, area)
        rest = area - end if part == shares[1] - 1 else 0
        for channel in range(0, channels, cut):
            some = min(cut, channels - channel)
            depth, k = some * taps, channel * taps
            if not direct:
                pack_image(bottom, channel * height * width, some, height, width, geometry, -geometry[4], image_rows,
                           layout_rows, pack)  # fmt: skip
            source, start = (bottom, channel * height * width) if direct else (pack, 0)
            for tile in range(_tiles(end - begin, lanes)):
                at, wide = _tile(begin, end, lanes, tile)
                lay_rows(source, start + at, steps, 0, depth, wide, panel, 0)
                multiply_block(rows, first, last, wide, depth, weight, 0, weight_rows, single, k, panel, 0,
                               panel_steps[-(-wide // lanes)], 0, zeros if channel else bias, 0, zeros, channel > 0,
                               top, at, planes)  # fmt: skip
            for j in range(rest):
                for i in range(depth):
                    panel[columns[j] + i] = source[start + steps[i] + end + j]
            for i in range(low, high if rest else low, DOT_ROWS):
                few = min(DOT_ROWS, high - i)
                if not channel:
                    for row in range(i, i + few):
                        for column in range(row * area + end, row * area + end + rest):
                            top[column] = bias[row]
                dot_tile(few, rest, 1, depth, weight, i * weight_rows[1] + k, weight_rows[1], 0, panel, 0, 0,
                         columns, 0, zeros, 0, True, top, i * area + end, area)  # fmt: skip
        if finish.shape[0]:
            for row in range(low, high):
                finish_row(finish, row, top, row * area + begin, end + rest - begin)


@kernel
def _tiles(columns, lanes):
    """Into how many tiles a share's columns are cut."""
    return -(-columns // (TILE_VECTORS * lanes))


@kernel
def _tile(begin, end, lanes, tile):
    """``(first, number)`` of a tile's columns: all tiles have a like number of vectors."""
    vectors, count = -(-(end - begin) // lanes), _tiles(end - begin, lanes)
    first = begin + tile * vectors // count * lanes
    return first, min(begin + (tile + 1) * vectors // count * lanes, end) - first


class PanelPlan:
    """The calls for one image.

    Parameters
    ----------
    sizes : tuple of int
        ``(channels, height, width, num_output)``.
    geometry : tuple of int
        As in `netdef.kernels.convolution`.
    layout, steps
        The `pack_layout` of the whole image and its `pack_steps`.
    pack_size : int
        Elements of that pack.
    dtype : numpy dtype
    scratch : callable
        ``scratch(key, shape)`` returns a working array that lives as long as the layer.
    """

    def __init__(self, sizes, geometry, layout, steps, pack_size: int, dtype, scratch: Callable) -> None:
        self.sizes, self.geometry, self.layout_rows = sizes[:3], geometry, layout[2]
        self._spaces = partial(slot_spaces, scratch, np.dtype(dtype).itemsize)
        self.direct = tuple(geometry[:6]) == (1, 1, 1, 1, 0, 0)
        channels, rows, area = sizes[0], sizes[3], prod(geometry[8:])
        self.lanes = VECTOR_BYTES // np.dtype(dtype).itemsize
        self.rest = area % self.lanes if area % self.lanes <= DOT_COLUMNS else 0
        self.vectors = -(-(area - self.rest) // self.lanes)
        taps = steps.size // channels
        parts = -(-channels // max(1, DEPTH // taps))
        self.cut = -(-channels // parts)
        self.steps = steps[: self.cut * taps].copy()
        self.pack_size = 1 if self.direct else pack_size // channels * self.cut
        self.panel_steps = np.outer(np.arange(TILE_VECTORS + 1) * self.lanes, np.arange(self.steps.size))
        self.weight_rows, self.planes = np.arange(rows) * steps.size, np.arange(rows) * area
        self.columns, self.single = np.arange(DOT_COLUMNS) * self.steps.size, np.arange(steps.size)

    @staticmethod
    def suits(sizes, geometry) -> bool:
        """Whether a convolution of ``(num, group, channels, height, width, num_output)`` is quicker this way."""
        num, group, channels, *_, num_output = sizes
        few = num == group == 1 and prod(geometry[8:]) <= MOST_PLACES
        return few and num_output >= FEWEST_FILTERS and num_output * channels * prod(geometry[:2]) >= FEWEST_WEIGHTS

    def forward(self, run: Callable, slots: int, bottom, weight, bias, zeros, finish, top) -> None:
        """``top`` from ``bottom`` by ``run``, the twin of a kernel for so many ``slots``."""
        by_vectors = self.vectors * self.lanes > self.planes.size and self.vectors >= TILE_VECTORS * slots
        shares = (1, slots) if by_vectors else (slots, 1)  # what is not dealt out is read by all
        size = self.steps.size * max(TILE_VECTORS * self.lanes, DOT_COLUMNS)
        run(multiply_panels, slots)(
            bottom, weight, bias, self.sizes, self.geometry, self.direct, self.layout_rows, self.steps, self.cut,
            self.vectors, shares, self.weight_rows, self.single, self.columns, self.panel_steps, self.planes, zeros,
            finish, self._spaces("pack", slots, self.pack_size), self._spaces("panel", slots, size), top,
        )  # fmt: skip
