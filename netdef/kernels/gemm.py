"""Products of matrices on register tiles, dealt out to slots.

Matrices are flat; a table gives the distance of each row, so that a transposed matrix is the same call with
other distances. Every element is summed in an order that depends on ``depth`` alone.
"""

from __future__ import annotations

from netdef.kernels._jit import kernel, prange
from netdef.kernels.blocks import dot_tile, multiply_block
from netdef.kernels.tiles import DOT_COLUMNS, DOT_ROWS, TILE_BYTES, TILE_ROWS

__all__ = ["dot_rows", "multiply_rows"]

_RUN = 1024  # a dot tile's operands over so many steps stay in the first-level cache


@kernel(parallel=True)
def multiply_rows(rows, columns, depth, a, a_rows, a_step, b, b_rows, zeros, add, slots, c, c_rows):
    """``c[i, j] = sum_k a[i, k] b[k, j]``, added to ``c`` where ``add``; ``a[i, k]`` is at ``a_rows[i] + k a_step``,
    ``b[k, j]`` at ``b_rows[k] + j``, ``c[i, j]`` at ``c_rows[i] + j``; ``zeros`` are at least ``rows`` zeros.
    """
    width = TILE_BYTES // a.itemsize
    tiles, units = -(-rows // TILE_ROWS), -(-columns // width)
    for slot in prange(slots):
        for unit in range(slot * units // slots, (slot + 1) * units // slots):
            column = unit * width
            multiply_block(rows, 0, tiles, min(width, columns - column), depth, a, 0, a_rows, a_step,
                           b, column, b_rows, 0, zeros, 0, zeros, add, c, column, c_rows)  # fmt: skip


@kernel(parallel=True)
def dot_rows(rows, columns, depth, a, b, b_rows, start, slots, c):
    """``c[i, j] = start[j] + sum_n a[i, n] b[j, n]``.

    ``b[j, n]`` is at ``b_rows[j] + n``; ``a`` and ``c`` are dense.
    """
    units, tiles = -(-columns // DOT_COLUMNS), -(-rows // DOT_ROWS)
    for slot in prange(slots):
        for unit in range(slot * units // slots, (slot + 1) * units // slots):
            j, last = unit * columns // units, (unit + 1) * columns // units
            for n in range(0, depth, _RUN):
                for tile in range(tiles):
                    i, end = tile * rows // tiles, (tile + 1) * rows // tiles
                    dot_tile(end - i, last - j, 1, min(_RUN, depth - n), a, i * depth + n, depth, 0, b, n, 0, b_rows,
                             j, start, j, n > 0, c, i * columns + j, columns)  # fmt: skip
