"""Kernels of Concat and of Slice, its mirror image.

Both see a blob as rows: the axes before the joined one make ``rows``, that axis and those after it make
the columns. A part is a run of columns of the whole.
"""

from netdef.kernels._jit import kernel, prange


@kernel(parallel=True)
def copy_into_columns(part, first_column, whole):
    """``whole[:, first_column : first_column + part.shape[1]] = part``; both are (rows, columns)."""
    for row in prange(part.shape[0]):
        source = part[row]
        target = whole[row, first_column : first_column + source.size]
        for i in range(source.size):
            target[i] = source[i]


@kernel(parallel=True)
def copy_from_columns(whole, first_column, part):
    """``part = whole[:, first_column : first_column + part.shape[1]]``; both are (rows, columns)."""
    for row in prange(part.shape[0]):
        target = part[row]
        source = whole[row, first_column : first_column + target.size]
        for i in range(target.size):
            target[i] = source[i]
