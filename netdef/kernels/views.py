"""Copies between a blob and a view of another: Crop, Permute and ShuffleChannel.

A view of a flat array is a start, the sizes of its axes and the steps along them, both int64 arrays of at
least one axis: element ``(i, j, …)`` lies at ``start + i * strides[0] + j * strides[1] + …``.
"""

import numpy as np

from netdef.kernels._jit import kernel, prange


@kernel
def _row_start(row, start, shape, strides):
    """Where row number ``row`` of a view begins; rows run along the last axis."""
    row = np.int64(row)  # a prange counts in uint64, which with int64 would make float64
    place = start
    for axis in range(shape.size - 2, -1, -1):
        above = row // shape[axis]
        place += (row - above * shape[axis]) * strides[axis]
        row = above
    return place


@kernel(parallel=True)
def read_view(source, start, shape, strides, target):
    """``target = view of source``, in the view's order. Both arrays are flat."""
    length = shape[shape.size - 1]
    step = strides[shape.size - 1]
    for row in prange(target.size // length):
        place = _row_start(row, start, shape, strides)
        line = target[row * length : (row + 1) * length]
        if step == 1:
            run = source[place : place + length]
            for i in range(length):
                line[i] = run[i]
        else:
            for i in range(length):
                line[i] = source[place + i * step]


@kernel(parallel=True)
def write_view(source, start, shape, strides, target):
    """``view of target = source``, in the view's order. Both arrays are flat; no two elements of the view meet."""
    length = shape[shape.size - 1]
    step = strides[shape.size - 1]
    for row in prange(source.size // length):
        place = _row_start(row, start, shape, strides)
        line = source[row * length : (row + 1) * length]
        if step == 1:
            run = target[place : place + length]
            for i in range(length):
                run[i] = line[i]
        else:
            for i in range(length):
                target[place + i * step] = line[i]
