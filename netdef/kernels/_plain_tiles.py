"""What `netdef.kernels.tiles` computes, in NumPy, for runs without compilation."""

from __future__ import annotations

import numpy as np


def _window(array, first, stride, count):
    return array.reshape(-1)[first : first + (count - 1) * stride + 1 : stride] if count else array[:0]


def multiply_tile(rows, columns, depth, i0, a, a0, a_rows, a_steps, m0, b, b0, steps, k0, start, s0, add,
                  c, c0, places, ahead=0):  # fmt: skip
    """``c[c0 + places[i] + j] = start[s0 + i] + sum_k a[a0 + a_rows[i] + a_steps[m0 + k]] b[b0 + steps[k0 + k] + j]``

    for ``i0 <= i < i0 + rows``, ``j < columns``, ``k < depth``; added to ``c`` where ``add`` is not 0. Rows of
    ``c`` may overlap: they are written one after another. Compiled, ``a[a0 + ahead + …]`` is fetched into the cache.
    """
    a, b, c = a.reshape(-1), b.reshape(-1), c.reshape(-1)
    left = a[a0 + a_rows[i0 : i0 + rows, None] + a_steps[m0 : m0 + depth]]
    right = b[b0 + steps[k0 : k0 + depth, None] + np.arange(columns)]
    sums = left @ right + start[s0 + i0 : s0 + i0 + rows, None]
    for i in range(rows):
        row = _window(c, c0 + places[i0 + i], 1, columns)
        row[...] = row + sums[i] if add else sums[i]


def dot_tile(rows, columns, segments, length, a, a0, a_row, a_segment, b, b0, b_segment, places, k0,
             start, s0, add, d, d0, d_row):  # fmt: skip
    """``d[d0 + i d_row + j] = start[s0 + j] + sum_{s,n} a[a0 + i a_row + s a_segment + n]
    b[b0 + places[k0 + j] + s b_segment + n]``

    for ``i < rows``, ``j < columns``, ``s < segments``, ``n < length``; added to ``d``, without ``start``, where
    ``add`` is not 0.
    """
    a, b, d = a.reshape(-1), b.reshape(-1), d.reshape(-1)
    run = np.arange(length)
    left_steps = (a_segment * np.arange(segments)[:, None] + run).reshape(-1)
    right_steps = (b_segment * np.arange(segments)[:, None] + run).reshape(-1)
    left = a[a0 + a_row * np.arange(rows)[:, None] + left_steps]
    right = b[b0 + places[k0 : k0 + columns, None] + right_steps]
    sums = left @ right.T
    for i in range(rows):
        row = _window(d, d0 + i * d_row, 1, columns)
        row[...] = (row if add else start[s0 : s0 + columns]) + sums[i]


def copy_rows(rows, source, s0, source_step, shift, size, count, target, t0, target_step):
    """``target[t0 + r target_step + j] = source[s0 + r source_step + j + shift]`` for ``r < rows``, ``j < count``.

    A row of the source has ``size`` elements and counts as zero outside of them. Rows of the target must not
    overlap: ``target_step`` is at least ``count``; what is between them may be spoiled.
    """
    source, target = source.reshape(-1), target.reshape(-1)
    low, high = max(0, -shift), min(count, size - shift)
    for r in range(rows):
        row = _window(target, t0 + r * target_step, 1, count)
        row[...] = 0
        if low < high:
            first = s0 + r * source_step + shift
            row[low:high] = source[first + low : first + high]


def fold_row(source, s0, rows, row_stride, length, pad, dilation, count, room, target, t0):
    """``target[t0 + j] = sum_r source[s0 + r row_stride + j + pad - r dilation]`` for ``j < count``.

    A row ``r`` of the source has ``length`` elements and counts as zero outside of them. The compiled twin may
    spoil the ``room`` elements from ``target[t0]`` on: rows are folded in the order in which they lie.
    """
    source, target = source.reshape(-1), target.reshape(-1)
    total = np.zeros(count, target.dtype)
    for r in range(rows):
        shift = pad - r * dilation
        low, high = max(0, -shift), min(count, length - shift)
        if low < high:
            first = s0 + r * row_stride + shift
            total[low:high] += source[first + low : first + high]
    target[t0 : t0 + count] = total


def sum_row(source, s0, count):
    """The sum of ``source[s0 : s0 + count]``."""
    return source.reshape(-1)[s0 : s0 + count].sum()
