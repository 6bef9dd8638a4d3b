"""What `netdef.kernels.tiles` computes, in NumPy, for runs without compilation."""

from __future__ import annotations

import numpy as np


def _window(array, first, stride, count):
    return array.reshape(-1)[first : first + (count - 1) * stride + 1 : stride] if count else array[:0]


def multiply_tile(rows, columns, depth, i0, a, a0, a_rows, a_step, b, b0, steps, k0, start, s0, add, c, c0, places):
    """``c[c0 + places[i] + j] = start[s0 + i] + sum_k a[a0 + a_rows[i] + k a_step] b[b0 + steps[k0 + k] + j]``

    for ``i0 <= i < i0 + rows``, ``j < columns``, ``k < depth``; added to ``c`` where ``add`` is not 0. Rows of
    ``c`` may overlap: they are written one after another.
    """
    a, b, c = a.reshape(-1), b.reshape(-1), c.reshape(-1)
    left = a[a0 + a_rows[i0 : i0 + rows, None] + a_step * np.arange(depth)]
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


def copy_row(source, s0, low, high, count, target, t0):
    """``target[t0 + j] = source[s0 + j] if low <= j < high else 0`` for ``j < count``."""
    source, target = source.reshape(-1), target.reshape(-1)
    target[t0 : t0 + count] = 0
    low, high = max(low, 0), min(high, count)
    if low < high:
        target[t0 + low : t0 + high] = source[s0 + low : s0 + high]


def fold_row(source, s0, rows, row_stride, length, pad, dilation, count, target, t0):
    """``target[t0 + j] = sum_r source[s0 + r row_stride + j + pad - r dilation]`` for ``j < count``.

    A row ``r`` of the source has ``length`` elements and counts as zero outside of them.
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
