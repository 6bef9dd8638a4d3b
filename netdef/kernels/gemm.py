"""Products of matrices on register tiles, dealt out to slots.

Matrices are flat; a table gives the distance of each row, so that a transposed matrix is the same call with
other distances. Every element is summed in an order that depends on ``depth`` alone.
"""

from __future__ import annotations

from netdef.kernels._jit import kernel, prange
from netdef.kernels.blocks import dot_tile, multiply_block
from netdef.kernels.tiles import DOT_COLUMNS, DOT_ROWS, TILE_BYTES, TILE_ROWS

__all__ = ["dot_rows", "multiply_depths", "multiply_rows"]

_DEPTH = 128  # rows of b that stay in the second-level cache
_RUN = 1024  # a dot tile's operands over so many steps stay in the first-level cache


@kernel(parallel=True)
def multiply_rows(rows, columns, depth, a, a_rows, a_steps, b, b_rows, zeros, add, by_rows, slots, c, c_rows):
    """``c[i, j] = sum_k a[i, k] b[k, j]``, added to ``c`` where ``add``; ``a[i, k]`` is at ``a_rows[i] + a_steps[k]``,
    ``b[k, j]`` at ``b_rows[k] + j``, ``c[i, j]`` at ``c_rows[i] + j``; ``zeros`` are at least ``rows`` zeros.

    Slots take rows of ``c`` where ``by_rows``, so that each finds its own in its cache later, else columns, and
    sum a part of the depth of all of them before the next: rows of ``b`` then come in long runs.
    """
    width = TILE_BYTES // a.itemsize
    tiles, units = -(-rows // TILE_ROWS), -(-columns // width)
    for slot in prange(slots):
        if by_rows:
            first, last = slot * tiles // slots, (slot + 1) * tiles // slots
            multiply_block(rows, first, last, columns, depth, a, 0, a_rows, a_steps, 0, b, 0, b_rows, 0, zeros, 0,
                           zeros, add, c, 0, c_rows)  # fmt: skip
        else:
            begin, end = slot * units // slots * width, min((slot + 1) * units // slots * width, columns)
            for k in range(0, depth, _DEPTH):
                multiply_block(rows, 0, tiles, end - begin, min(_DEPTH, depth - k), a, 0, a_rows, a_steps, k,
                               b, begin, b_rows, k, zeros, 0, zeros, add or k > 0, c, begin, c_rows)  # fmt: skip


@kernel(parallel=True)
def multiply_depths(rows, columns, depth, a, a_rows, a_steps, b, b_rows, zeros, parts, shares, partial, c, c_rows):
    """`multiply_rows` of a dense ``c`` in parts of the depth, each into a row of ``partial``, added from first to last.

    ``shares`` slots take the columns of a part. A slot reads whole rows of ``b`` where there is one share, as those
    do who write them: rows that two cores have in their caches take long to write.
    """
    width = TILE_BYTES // a.itemsize
    tiles, units = -(-rows // TILE_ROWS), -(-columns // width)
    for slot in prange(parts * shares):
        part, share = slot // shares, slot % shares
        begin, end = share * units // shares * width, min((share + 1) * units // shares * width, columns)
        first, last = part * depth // parts, (part + 1) * depth // parts
        for k in range(first, last, _DEPTH):
            multiply_block(rows, 0, tiles, end - begin, min(_DEPTH, last - k), a, 0, a_rows, a_steps, k,
                           b, begin, b_rows, k, zeros, 0, zeros, k > first, partial,
                           part * c.size + begin, c_rows)  # fmt: skip
    for i in prange(c.size):
        total = partial[i]
        for part in range(1, parts):
            total += partial[part * c.size + i]
        c[i] = total


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
