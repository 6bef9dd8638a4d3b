"""Matrix products for kernels, out of register tiles.

    multiply_block   c[i, j] = start[i] + sum_k a[i, k] b[k, j], row tile after row tile
    dot_tile         d[i, j] = start[j] + sum_n a[i, n] b[j, n], one tile

They are compiled once for each dtype, as C functions: inside of each kernel that calls them they would have to
be compiled anew, and that took half of the time of a first start.
"""

from __future__ import annotations

import numba
from numba import types
from numba.extending import intrinsic

from netdef.kernels import _plain_tiles, tiles
from netdef.kernels._emitter import TILE_BYTES, TILE_ROWS, Emitter
from netdef.kernels._jit import symbol

__all__ = ["DEPTH", "dot_tile", "multiply_block"]

DEPTH = 256  # a tile's operands over so many steps stay in the first-level cache


def _signature(*arguments):
    """int64 for integers and truth values; arrays as they are."""
    numbers = (types.Integer, types.Boolean)
    return types.void(*[types.int64 if isinstance(kind, numbers) else kind for kind in arguments])


def _element(context, array_type):
    return context.get_data_type(array_type.dtype)


@intrinsic
def _multiply_block(typing, rows, first, last, columns, depth, a, a0, a_rows, a_steps, m0, b, b0, steps, k0,
                    start, s0, zeros, add, c, c0, places):  # fmt: skip
    signature = _signature(rows, first, last, columns, depth, a, a0, a_rows, a_steps, m0, b, b0, steps, k0,
                           start, s0, zeros, add, c, c0, places)  # fmt: skip

    def generate(context, builder, signature, arguments):
        (rows, first, last, columns, depth, a, a0, a_rows, a_steps, m0, b, b0, steps, k0,
         start, s0, zeros, add, c, c0, places) = arguments  # fmt: skip
        kinds = signature.args
        emit = Emitter(context, builder, _element(context, kinds[5]))
        return emit.call(
            "multiply_block", rows, first, last, columns, depth, emit.pointer(kinds[5], a, a0),
            emit.pointer(kinds[7], a_rows), emit.pointer(kinds[8], a_steps, m0), emit.pointer(kinds[10], b, b0),
            emit.pointer(kinds[12], steps, k0), emit.pointer(kinds[14], start, s0), emit.pointer(kinds[16], zeros),
            add, emit.pointer(kinds[18], c, c0), emit.pointer(kinds[20], places),
        )  # fmt: skip

    return signature, generate


def _multiply_block_function(width: int):
    """The body of ``multiply_block`` for tiles of ``width`` columns."""

    def multiply_block_body(
        rows, first, last, columns, depth, a, a_rows, a_steps, b, steps, start, zeros, add, c, places
    ):
        count = -(-rows // TILE_ROWS)
        step = DEPTH if depth > 2 * DEPTH else depth
        for column in range(0, columns, width):
            for k in range(0, depth, step):
                for tile in range(first, last):
                    i, end = tile * rows // count, (tile + 1) * rows // count
                    tiles.multiply_tile(end - i, min(width, columns - column), min(step, depth - k), i, a, 0, a_rows,
                                        a_steps, k, b, column, steps, k, zeros if k else start, 0, add or k > 0,
                                        c, column, places, a_rows[end] - a_rows[i] if end < rows else 0)  # fmt: skip

    return multiply_block_body


@intrinsic
def _dot_tile(typing, rows, columns, segments, length, a, a0, a_row, a_segment, b, b0, b_segment, places, k0,
              start, s0, add, d, d0, d_row):  # fmt: skip
    signature = _signature(rows, columns, segments, length, a, a0, a_row, a_segment, b, b0, b_segment, places, k0,
                           start, s0, add, d, d0, d_row)  # fmt: skip

    def generate(context, builder, signature, arguments):
        (rows, columns, segments, length, a, a0, a_row, a_segment, b, b0, b_segment, places, k0,
         start, s0, add, d, d0, d_row) = arguments  # fmt: skip
        kinds = signature.args
        emit = Emitter(context, builder, _element(context, kinds[4]))
        return emit.call(
            "dot_tile", rows, columns, segments, length, emit.pointer(kinds[4], a, a0), a_row, a_segment,
            emit.pointer(kinds[8], b, b0), b_segment, emit.pointer(kinds[11], places, k0),
            emit.pointer(kinds[13], start, s0), add, emit.pointer(kinds[16], d, d0), d_row,
        )  # fmt: skip

    return signature, generate


def _dot_tile_body(rows, columns, segments, length, a, a_row, a_segment, b, b_segment, places, start, add, d, d_row):
    tiles.dot_tile(rows, columns, segments, length, a, 0, a_row, a_segment, b, 0, b_segment, places, 0, start, 0, add,
                   d, 0, d_row)  # fmt: skip


def _make_symbols() -> None:
    number, table = types.int64, types.CPointer(types.int64)
    for element in (types.float32, types.float64):
        array, suffix = types.CPointer(element), f"f{element.bitwidth}"
        block = types.void(*[number] * 5, array, table, table, array, table, array, array, number, array, table)
        width = TILE_BYTES * 8 // element.bitwidth
        symbol(f"netdef_multiply_block_{suffix}", block)(_multiply_block_function(width))
        dot = types.void(*[number] * 4, array, number, number, array, number, table, array, number, array, number)
        symbol(f"netdef_dot_tile_{suffix}", dot)(_dot_tile_body)


def _plain_multiply_block(rows, first, last, columns, depth, a, a0, a_rows, a_steps, m0, b, b0, steps, k0,
                          start, s0, zeros, add, c, c0, places):  # fmt: skip
    """``c[c0 + places[i] + j] = start[s0 + i] + sum_k a[a0 + a_rows[i] + a_steps[m0 + k]] b[b0 + steps[k0 + k] + j]``

    for ``j < columns``, ``k < depth`` and the rows ``i`` of the row tiles ``first … last - 1`` out of those into
    which ``rows`` are cut; added to ``c`` where ``add``. Rows of ``c`` may overlap: they are written one after another.
    """
    count = -(-rows // TILE_ROWS)
    i, end = first * rows // count, last * rows // count
    _plain_tiles.multiply_tile(end - i, columns, depth, i, a, a0, a_rows, a_steps, m0, b, b0, steps, k0, start, s0, add,
                               c, c0, places)  # fmt: skip


if numba.config.DISABLE_JIT:
    dot_tile, multiply_block = tiles.dot_tile, _plain_multiply_block
else:
    _make_symbols()
    dot_tile, multiply_block = _dot_tile, _multiply_block
