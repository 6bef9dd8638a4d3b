"""When and how a convolution is computed by `netdef.kernels.winograd`."""

from __future__ import annotations

from math import prod

import numpy as np

from netdef.kernels._lanes import VECTOR_BYTES
from netdef.kernels.plans import ConvolutionPlan, slots_for
from netdef.kernels.winograd import (
    VALUES,
    add_filter_gradient,
    both_values,
    convolve,
    multiply_values,
    transform_filters,
)

__all__ = ["WinogradPlan"]

FEWEST_CHANNELS = 16
FEWEST_TILES = 40  # in all images: with fewer, the maps of the weights take longer than what is saved
MOST_WASTE = 1.5  # outputs computed over outputs wanted
SPAN_BYTES = 3 << 19  # of a span's values and products: they shall stay in the second-level cache
SPAN_TILES = 48  # at least, so that the filters are read for many tiles
PASS_BYTES = 1 << 22  # of the values of which a sum over the tiles is taken at a time, at least


def _twin(function, slots: int):
    return function if slots > 1 else function.serial


class WinogradPlan(ConvolutionPlan):
    """A convolution with 3x3 taps, stride 1, in one group; the arguments are those of `ConvolutionPlan`."""

    pools = False  # `forward_and_pool` takes plain sums

    def __init__(self, sizes, window, pooled, dtype, scratch) -> None:
        super().__init__(sizes, window, pooled, dtype, scratch)
        self.lanes = VECTOR_BYTES // self.itemsize
        self.dtype = dtype

    @staticmethod
    def fits(sizes, window, pooled) -> bool:
        """Whether it is quicker than plain sums."""
        num, group, channels, height, width, num_output = sizes
        if tuple(window[:4]) != (3, 3, 1, 1) or tuple(window[6:]) != (1, 1) or group != 1 or max(window[4:6]) > 2:
            return False
        tiles = min(num * -(-rows // 4) * -(-columns // 4) for rows, columns in (pooled, (height, width)))
        waste = tiles * 16 / (num * prod(pooled)) if num else MOST_WASTE
        return min(channels, num_output) >= FEWEST_CHANNELS and tiles >= FEWEST_TILES and waste < MOST_WASTE

    def forward(self, bottom, weight, bias, top, finish=None) -> None:
        """See `ConvolutionPlan.forward`."""
        _, _, channels, height, width, num_output = self.sizes
        order = np.arange(9) * self.lanes
        self._convolve(
            bottom, weight, bias, channels, num_output, (9, 9 * channels), order, (height, width), self.geometry[4:6],
            self.geometry[8:], top, finish,
        )  # fmt: skip

    def backward_data(self, top_diff, weight, bottom_diff) -> None:
        """See `ConvolutionPlan.backward_data`."""
        _, _, channels, height, width, num_output = self.sizes
        order = np.arange(8, -1, -1) * self.lanes
        pad = 2 - self.geometry[4], 2 - self.geometry[5]
        self._convolve(
            top_diff, weight, None, num_output, channels, (9 * channels, 9), order, self.geometry[8:], pad,
            (height, width), bottom_diff,
        )  # fmt: skip

    def _convolve(self, source, weight, bias, ins, outs, steps, order, size, pad, pooled, target, finish=None) -> None:
        slots, lanes = slots_for(self.operations), self.lanes
        from_width, to_width = (-(-count // lanes) * lanes for count in (ins, outs))
        grid = -(-pooled[0] // 4), -(-pooled[1] // 4)
        span_rows = self._span_rows(grid, from_width + to_width, slots)
        tiles, pitch = span_rows * grid[1], (4 * grid[1] + 2) * lanes
        filters = self._matrix("filters", 1, ins * to_width)[0]
        run = _twin(transform_filters, slots)
        run(weight, ins, outs, *steps, order, slots, self._rows("taps", slots, 9 * lanes), filters)
        bias = self.zeros[:0] if bias is None else bias
        finish = self.unfinished if finish is None else finish
        _twin(convolve, slots)(
            source, filters, bias, ins, size, pad[0], outs, pooled, grid, span_rows, pitch,
            self._places(size, pad, pitch), np.arange(tiles) * from_width, np.arange(ins),
            np.arange(ins) * to_width, np.arange(tiles) * to_width,
            np.zeros(tiles, self.dtype), finish, self._rows("pack", slots, (4 * span_rows + 2) * pitch),
            self._matrix("values", slots, tiles * from_width), self._matrix("products", slots, tiles * to_width),
            self._rows("lines", slots, 4 * span_rows * pooled[1] * lanes), self._rows("terms", slots, to_width), target,
        )  # fmt: skip

    def backward_weight(self, bottom, top_diff, weight_diff, bias_diff=None) -> None:
        """See `ConvolutionPlan.backward_weight`."""
        if bias_diff is not None:
            self.backward_bias(top_diff, bias_diff)
        num, _, ins, height, width, outs = self.sizes
        slots, lanes, pooled = slots_for(self.operations), self.lanes, self.geometry[8:]
        from_width, to_width = (-(-count // lanes) * lanes for count in (ins, outs))
        grid, pad = (-(-pooled[0] // 4), -(-pooled[1] // 4)), self.geometry[4]
        rows = num * grid[0]
        products = self._matrix("filters", 1, ins * to_width)[0]
        most = max(PASS_BYTES, 2 * products.nbytes) // (VALUES * (from_width + to_width) * self.itemsize)
        passes = -(-rows * grid[1] // most)
        step = -(-rows // passes)
        tiles, span_rows = step * grid[1], max(1, min(-(-SPAN_TILES // grid[1]), -(-step // slots)))
        pitches = (4 * grid[1] + 2) * lanes, 4 * grid[1] * lanes
        values, gradients = self._matrix("values", 1, tiles * from_width), self._matrix("products", 1, tiles * to_width)
        packs = self._rows("pack", slots, (4 * span_rows + 2) * pitches[0])
        places = self._places((height, width), self.geometry[4:6], pitches[0]), self._places(pooled, (0, 0), pitches[1])
        zeros = np.zeros(max(ins, lanes), self.dtype)
        for first in range(0, rows, step):
            last = min(first + step, rows)
            _twin(both_values, slots)(
                bottom, top_diff, ins, outs, (height, width), pad, pooled, grid, first, last, span_rows, pitches,
                *places, packs, values[0], gradients[0],
            )  # fmt: skip
            _twin(multiply_values, slots)(
                (last - first) * grid[1], ins, to_width, values[0], np.arange(ins), np.arange(tiles) * from_width,
                gradients[0], np.arange(tiles) * to_width, zeros, first > 0, slots, products, np.arange(ins) * to_width,
            )  # fmt: skip
        _twin(add_filter_gradient, slots)(
            products, ins, outs, zeros, slots, self._rows("taps", slots, 9 * lanes), weight_diff
        )

    def _places(self, size, pad, pitch: int) -> np.ndarray:
        """Where the pixels are in a padded image of vectors."""
        rows, columns = np.arange(size[0])[:, None] + pad[0], np.arange(size[1]) + pad[1]
        return (rows * pitch + columns * self.lanes).reshape(-1)

    def _span_rows(self, grid, channels: int, slots: int) -> int:
        """Rows of tiles that are computed together: a like number for each slot."""
        rows = self.sizes[0] * grid[0]
        tiles = max(SPAN_TILES, SPAN_BYTES // (VALUES * channels * self.itemsize))
        spans = max(1, -(-rows * grid[1] // tiles))
        return -(-rows // min(rows, -(-spans // slots) * slots))

    def _matrix(self, key: str, slots: int, size: int) -> np.ndarray:
        """36 matrices for each slot; they lie an odd number of lines apart, so that they share the cache evenly."""
        lines = -(-size // self.lanes) | 1
        return self._rows(key, slots, VALUES * lines * self.lanes)

    def _rows(self, key: str, count: int, width: int) -> np.ndarray:
        flat = self.scratch(f"winograd {key}", (count * width + self.lanes,))
        skipped = -flat.ctypes.data % VECTOR_BYTES // self.itemsize
        return flat[skipped : skipped + count * width].reshape(count, width)
