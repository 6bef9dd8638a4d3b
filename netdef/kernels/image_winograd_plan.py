"""The plan of a convolution by Winograd's algorithm; see `netdef.kernels.plans`."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from math import prod

import numpy as np

from netdef.kernels import image_winograd as kernels
from netdef.kernels import image_winograd_weight as weight_kernels
from netdef.kernels._emitter import TILE_VECTORS, VECTOR_BYTES
from netdef.kernels._size import slot_spaces
from netdef.kernels._transforms import POINTS, SIZE, TAPS

__all__ = ["ImageWinogradPlan", "image_winograd_suits"]

ROOM = 3 << 20  # bytes of one slot's working space; it shall not overflow the second-level cache by much
LEAST = 8  # channels, and filters: with fewer, going to points and back takes longer than it saves
CHUNKS = 8  # at most, into which a batch is cut for the gradient of the weights


def image_winograd_suits(sizes, geometry, itemsize: int) -> bool:
    """Whether `ImageWinogradPlan` can compute a convolution, and is quicker than the plain way."""
    num, group, channels, _, _, num_output = sizes
    square = geometry[:2] == (TAPS, TAPS) and geometry[2:4] == geometry[6:8] == (1, 1)
    # As many images as a vector has lanes are one thread's work: a batch shall have work for two.
    if not square or group > 1 or min(channels, num_output) < LEAST or num <= VECTOR_BYTES // itemsize:
        return False
    return sum(map(prod, _shapes(sizes, geometry, itemsize).values())) * itemsize <= ROOM


def _tiles(geometry) -> tuple[int, int, int]:
    """(outputs of a tile along an axis, rows and columns of tiles)."""
    return SIZE, -(-geometry[8] // SIZE), -(-geometry[9] // SIZE)


def _shapes(sizes, geometry, itemsize: int) -> dict[str, tuple[int, ...]]:
    """The working space of one slot."""
    lanes, square, taps = VECTOR_BYTES // itemsize, POINTS * POINTS, TAPS
    channels, num_output = sizes[2], sizes[5]
    size, tile_rows, tile_columns = _tiles(geometry)
    rows, columns, block = tile_rows * size, tile_columns * size, TILE_VECTORS * lanes
    return {
        "pixels": (channels * (rows + taps - 1) * (columns + taps - 1) * lanes,),
        "points": (square * (channels * block + lanes),),
        "products": (square * (num_output * block + lanes),),
        "outputs": (num_output * rows * columns * lanes,),
    }


class ImageWinogradPlan:
    """The calls for one shape; ``sizes``, ``geometry``, ``scratch`` as in `netdef.kernels.plans.ConvolutionPlan`.

    ``slots`` of its methods are the shares into which the work is dealt, ``run`` the twin of a kernel for so many.
    """

    def __init__(self, sizes, geometry, dtype, scratch: Callable) -> None:
        num, _, channels, height, width, num_output = sizes
        self.dtype, self.scratch = np.dtype(dtype), scratch
        self._spaces = partial(slot_spaces, scratch, self.dtype.itemsize)
        self.lanes = VECTOR_BYTES // self.dtype.itemsize
        size, tile_rows, tile_columns = _tiles(geometry)
        self.plan = (num, channels, height, width, num_output, *geometry[4:6], *geometry[8:10], tile_rows,
                     tile_columns, TILE_VECTORS)  # fmt: skip
        self.shapes = _shapes(sizes, geometry, self.dtype.itemsize)
        self.channels, self.num_output = channels, num_output
        self.wide = -(-num_output // self.lanes) * self.lanes
        block, area = TILE_VECTORS * self.lanes, tile_rows * tile_columns * size * size
        numbers = np.arange(max(num_output, channels, block, area))
        self.tables = numbers, numbers * channels, numbers * block
        self.weight_tables = numbers, numbers * block, numbers * self.wide
        self.still, self.ones = np.zeros(numbers.size, np.int64), np.ones(1, dtype)
        self.zeros = np.zeros(max(num_output, channels), dtype)
        self.line_shapes = {
            "lines": (self.lanes * area * self.wide,),
            "line points": (POINTS**2 * (block * self.wide + self.lanes),),
        }
        self.chunks = min(-(-num // self.lanes), CHUNKS)

    def _space(self, slots: int, shapes: dict) -> list[np.ndarray]:
        return [self._spaces(name, slots, *shape) for name, shape in shapes.items()]

    def _transformed(self, run: Callable, slots: int, weight) -> np.ndarray:
        apart = -(-self.num_output * self.channels // self.lanes) * self.lanes
        transformed = self.scratch("points of weights", (POINTS**2 * apart,))
        rooms = self._spaces("taps", slots, TAPS**2 * self.lanes)
        run(kernels.transform_weight, slots)(weight, rooms, transformed)
        return transformed

    def forward(self, run: Callable, slots: int, bottom, weight, bias, top) -> None:
        """``top`` from ``bottom``."""
        run(kernels.forward, slots)(
            bottom, self._transformed(run, slots, weight), self.zeros if bias is None else bias, self.plan,
            self.tables, self.zeros, *self._space(slots, self.shapes), top,
        )  # fmt: skip

    def backward_data(self, run: Callable, slots: int, top_diff, weight, bottom_diff) -> None:
        """Overwrite ``bottom_diff``."""
        run(kernels.backward_data, slots)(
            top_diff, self._transformed(run, slots, weight), self.plan, self.tables, self.zeros,
            *self._space(slots, self.shapes), bottom_diff,
        )  # fmt: skip

    def backward_weight(self, run: Callable, slots: int, bottom, top_diff, weight_diff, bias_diff) -> None:
        """Add to ``weight_diff`` and, where it is not None, to ``bias_diff``."""
        partial = self._spaces("partial", self.chunks, (POINTS**2 * self.channels + 1) * self.wide)
        pixels, points = self._space(slots, self.shapes)[:2]
        run(weight_kernels.weight_points, slots)(
            bottom, top_diff, self.plan, self.weight_tables, self.still, self.ones, self.zeros, pixels, points,
            *self._space(slots, self.line_shapes), partial,
        )  # fmt: skip
        rooms = self._spaces("taps of slots", slots, 2 * TAPS**2 * self.lanes)
        run(weight_kernels.add_chunks, slots)(
            partial, self.channels, self.num_output, self.wide, rooms, weight_diff,
            self.zeros[:0] if bias_diff is None else bias_diff,
        )  # fmt: skip
