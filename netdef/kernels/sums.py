"""Sums that other kernels are made of, and the greatest of a row.

They are float64, for float32 would lose digits over the pixels of a large image. The order of the additions depends
on the length alone, so the sum has the same bits on any number of threads.
"""

from netdef.kernels._jit import kernel
from netdef.kernels._wide_sums import wide_deviation, wide_dot, wide_greatest, wide_sum


@kernel
def block_sum(values, start, stop):
    """Sum of ``values[start:stop]``, a flat array, as float64."""
    return wide_sum(values, start, stop - start)


@kernel
def block_dot(first, second, start, stop):
    """Sum of ``first[i] * second[i]`` for ``start <= i < stop``, both flat and of one dtype, as float64."""
    return wide_dot(first, second, start, stop - start)


@kernel
def block_square_deviation(values, mean, start, stop):
    """Sum of ``(values[i] - mean)**2`` for ``start <= i < stop``, ``mean`` of the array's dtype, as float64."""
    return wide_deviation(values, mean, start, stop - start)


@kernel
def greatest(values):
    """The greatest of one or more values, a flat array; the first where it is NaN, other NaNs are passed over."""
    return wide_greatest(values, 0, values.size)
