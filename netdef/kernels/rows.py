"""Rows picked out of a blob by number: BatchReindex, Embed and Filter. An index is an int64 array of row numbers."""

import numpy as np

from netdef.kernels._jit import kernel, prange

BLOCK = 64  # columns that one thread adds up


@kernel
def read_index(values, num_rows, index):
    """``index = values`` cut to whole numbers; returns the place of the first that is no row, or -1."""
    for i in range(values.size):
        if not 0 <= values[i] < num_rows:  # so that NaN is none
            return i
        index[i] = np.int64(values[i])
    return -1


@kernel
def select_index(selector, index):
    """Put the places of the values that are not 0 into ``index``; returns their number (filter_layer.cpp:38-43)."""
    count = 0
    for i in range(selector.size):
        if selector[i] != 0:
            index[count] = i
            count += 1
    return count


@kernel(parallel=True)
def gather_rows(source, index, target):
    """``target[i] = source[index[i]]``; (rows, dim) and (index.size, dim)."""
    for i in prange(index.size):
        row = source[index[i]]
        line = target[i]
        for k in range(line.size):
            line[k] = row[k]


@kernel(parallel=True)
def add_rows(source, index, target):
    """``target[index[i]] += source[i]``, i upwards: the same order whatever the number of threads.

    A thread owns whole columns.
    """
    dim = target.shape[1]
    for block in prange((dim + BLOCK - 1) // BLOCK):
        first = block * BLOCK
        last = min(first + BLOCK, dim)
        for i in range(index.size):
            row = target[index[i]]
            for k in range(first, last):
                row[k] += source[i, k]
