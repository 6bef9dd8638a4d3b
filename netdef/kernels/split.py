"""Kernels of Split."""

from netdef.kernels._jit import kernel, prange


@kernel(parallel=True)
def add(first, second, total):
    """``total[i] = first[i] + second[i]``; flat arrays of one size. ``total`` may be either of the others."""
    for i in prange(total.size):
        total[i] = first[i] + second[i]
