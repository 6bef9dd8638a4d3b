"""Sums that other kernels are made of, and the greatest of a row.

They are float64, for float32 would lose digits over the pixels of a large image. The order of the additions depends
on the length alone, so the sum has the same bits on any number of threads.
"""

from netdef.kernels._jit import kernel
from netdef.kernels._wide_sums import wide_deviation, wide_dot, wide_sum


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
    whole = values.size // 8 * 8
    m0 = m1 = m2 = m3 = m4 = m5 = m6 = m7 = values[0]
    for i in range(0, whole, 8):
        m0 = values[i] if values[i] > m0 else m0
        m1 = values[i + 1] if values[i + 1] > m1 else m1
        m2 = values[i + 2] if values[i + 2] > m2 else m2
        m3 = values[i + 3] if values[i + 3] > m3 else m3
        m4 = values[i + 4] if values[i + 4] > m4 else m4
        m5 = values[i + 5] if values[i + 5] > m5 else m5
        m6 = values[i + 6] if values[i + 6] > m6 else m6
        m7 = values[i + 7] if values[i + 7] > m7 else m7
    for i in range(whole, values.size):
        m0 = values[i] if values[i] > m0 else m0
    return max(max(max(m0, m1), max(m2, m3)), max(max(m4, m5), max(m6, m7)))
