"""Sums that other kernels are made of.

Eight partial sums in float64 run side by side: one chain of additions would wait for each addition to end,
and float32 would lose digits over the pixels of a large image. The order of the additions depends on the
length alone, so the sum has the same bits on any number of threads.
"""

import numpy as np

from netdef.kernels._jit import kernel


@kernel
def block_sum(values, start, stop):
    """Sum of ``values[start:stop]``, a flat array, as float64."""
    block = values[start:stop]
    whole = block.size // 8 * 8
    s0 = s1 = s2 = s3 = s4 = s5 = s6 = s7 = np.float64(0)
    for i in range(0, whole, 8):
        s0 += block[i]
        s1 += block[i + 1]
        s2 += block[i + 2]
        s3 += block[i + 3]
        s4 += block[i + 4]
        s5 += block[i + 5]
        s6 += block[i + 6]
        s7 += block[i + 7]
    for i in range(whole, block.size):
        s0 += block[i]
    return ((s0 + s1) + (s2 + s3)) + ((s4 + s5) + (s6 + s7))


@kernel
def block_dot(first, second, start, stop):
    """Sum of ``first[i] * second[i]`` for ``start <= i < stop``, both flat and of one dtype, as float64."""
    a = first[start:stop]
    b = second[start:stop]
    whole = a.size // 8 * 8
    s0 = s1 = s2 = s3 = s4 = s5 = s6 = s7 = np.float64(0)
    for i in range(0, whole, 8):
        s0 += a[i] * b[i]
        s1 += a[i + 1] * b[i + 1]
        s2 += a[i + 2] * b[i + 2]
        s3 += a[i + 3] * b[i + 3]
        s4 += a[i + 4] * b[i + 4]
        s5 += a[i + 5] * b[i + 5]
        s6 += a[i + 6] * b[i + 6]
        s7 += a[i + 7] * b[i + 7]
    for i in range(whole, a.size):
        s0 += a[i] * b[i]
    return ((s0 + s1) + (s2 + s3)) + ((s4 + s5) + (s6 + s7))


@kernel
def block_square_deviation(values, mean, start, stop):
    """Sum of ``(values[i] - mean)**2`` for ``start <= i < stop``, ``mean`` of the array's dtype, as float64."""
    block = values[start:stop]
    whole = block.size // 4 * 4
    s0 = s1 = s2 = s3 = np.float64(0)
    for i in range(0, whole, 4):
        d0 = block[i] - mean
        d1 = block[i + 1] - mean
        d2 = block[i + 2] - mean
        d3 = block[i + 3] - mean
        s0 += d0 * d0
        s1 += d1 * d1
        s2 += d2 * d2
        s3 += d3 * d3
    for i in range(whole, block.size):
        d0 = block[i] - mean
        s0 += d0 * d0
    return (s0 + s1) + (s2 + s3)


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
