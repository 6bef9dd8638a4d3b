"""Kernels of Reduction. The bottom is seen as (num, dim); each row becomes one value of the top.

Sums are taken in float64, chunk by chunk of fixed length, and the chunks added in order, so that they have the
same bits on any number of threads.
"""

import numpy as np

from netdef.kernels._jit import kernel, prange
from netdef.kernels.sums import block_dot, block_sum

CHUNK = 8192  # elements of one partial sum
SUM, ASUM, SUMSQ = 1, 2, 3  # the numbers of ReductionOp; MEAN is SUM with another coeff


def num_chunks(dim: int) -> int:
    """The number of partial sums over a row."""
    return max(1, (dim + CHUNK - 1) // CHUNK)


@kernel
def _block_asum(values, start, stop):
    total = np.float64(0)
    for i in range(start, stop):
        total += abs(values[i])
    return total


@kernel(parallel=True)
def reduce_forward(bottom_data, operation, coeff, partial, top_data):
    """``top_data[n] = coeff * sum over i of f(bottom_data[n, i])``, f(x) = x, |x| or x * x by operation.

    bottom_data : (num, dim). partial : (num, num_chunks(dim)) float64, working space. top_data : (num,).
    """
    num, chunks = partial.shape
    dim = bottom_data.shape[1]
    for unit in prange(num * chunks):
        n = unit // chunks
        start = (unit - n * chunks) * CHUNK
        stop = min(start + CHUNK, dim)
        if operation == SUM:
            partial[n, unit - n * chunks] = block_sum(bottom_data[n], start, stop)
        elif operation == ASUM:
            partial[n, unit - n * chunks] = _block_asum(bottom_data[n], start, stop)
        else:
            partial[n, unit - n * chunks] = block_dot(bottom_data[n], bottom_data[n], start, stop)
    for n in range(num):
        total = np.float64(0)
        for chunk in range(chunks):
            total += partial[n, chunk]
        top_data[n] = coeff * total


@kernel(parallel=True)
def reduce_backward(bottom_data, top_diff, operation, coeff, bottom_diff):
    """``bottom_diff[n, i] = coeff * top_diff[n] * f'(bottom_data[n, i])``, f' = 1, sign or 2 x; the sign of 0 is 0."""
    num, dim = bottom_diff.shape
    chunks = (dim + CHUNK - 1) // CHUNK
    for unit in prange(num * chunks):
        n = unit // chunks
        start = (unit - n * chunks) * CHUNK
        stop = min(start + CHUNK, dim)
        slope = coeff * top_diff[n]
        if operation == SUM:
            for i in range(start, stop):
                bottom_diff[n, i] = slope
        elif operation == ASUM:
            for i in range(start, stop):
                value = bottom_data[n, i]
                bottom_diff[n, i] = slope * ((value > 0) - (value < 0))
        else:
            twice = slope + slope
            for i in range(start, stop):
                bottom_diff[n, i] = twice * bottom_data[n, i]
