"""exp, log1p, sigmoid and tanh that compilers can compute for many values at a time.

In float32 they are polynomials, free of branches and calls, exp and log1p within 2 units in the last place of the true
value; in float64 they are the library's.
"""

import numpy as np

from netdef.kernels._jit import kernel

HIGHEST, LOWEST = np.float32(89), np.float32(-104)  # beyond them float32's exp is infinity and 0
PER_LOG2 = np.float32(1.44269504)  # 1 / log(2)
LOG2_HIGH, LOG2_LOW = np.float32(0.693359375), np.float32(-2.12194440e-4)  # log(2) in two parts, the first exact
ROUNDER = np.float32(12582912)  # 1.5 * 2**23: adding it leaves a whole number in the low bits
ROUNDER_BITS = np.int32(0x4B400000)
BIAS, EXPONENT = np.int32(127), np.int32(1 << 23)  # of float32's exponent: 2**n has the bits (n + BIAS) * EXPONENT
# exp(r) = 1 + r + r**2 * (…) for |r| <= log(2) / 2: the Cephes library's coefficients
P0, P1, P2 = np.float32(1.9875691500e-4), np.float32(1.3981999507e-3), np.float32(8.3334519073e-3)
P3, P4, P5 = np.float32(4.1665795894e-2), np.float32(1.6666665459e-1), np.float32(5.0000001201e-1)
# log1p(t) = 2 * (s + s**3 / 3 + s**5 / 5 + …), s = t / (2 + t) <= 1 / 3
L1, L3, L5, L7 = np.float32(2), np.float32(2 / 3), np.float32(2 / 5), np.float32(2 / 7)
# tanh(x) = x * (1 + x**2 * (…)) for |x| < NEAR: the Cephes library's coefficients
T3, T5, T7 = np.float32(-3.33332819422e-1), np.float32(1.33314422036e-1), np.float32(-5.37397155531e-2)
T9, T11 = np.float32(2.06390887954e-2), np.float32(-5.70498872745e-3)
NEAR = np.float32(0.625)
L9, L11, L13 = np.float32(2 / 9), np.float32(2 / 11), np.float32(2 / 13)


@kernel
def is_double(value):
    """Whether ``value`` is a float64; known when the kernel is compiled."""
    one = type(value)(1)
    return one + type(value)(1e-12) != one


@kernel
def exp(value):
    """e to the power of ``value``, of its dtype; NaN stays NaN, overflow is infinity and underflow 0."""
    if is_double(value):
        return np.exp(value)
    bounded = np.float32(value)
    bounded = HIGHEST if bounded > HIGHEST else bounded
    bounded = LOWEST if bounded < LOWEST else bounded
    rounded = bounded * PER_LOG2 + ROUNDER
    power = np.float32(rounded).view(np.int32) - ROUNDER_BITS
    whole = rounded - ROUNDER
    rest = bounded - whole * LOG2_HIGH
    rest = rest - whole * LOG2_LOW
    series = ((((P0 * rest + P1) * rest + P2) * rest + P3) * rest + P4) * rest + P5
    fraction = series * rest * rest + rest + np.float32(1)
    half = np.int32(power >> 1)  # 2**power itself may be too large or too small for a float32
    first = np.int32((half + BIAS) * EXPONENT).view(np.float32)
    second = np.int32((np.int32(power) - half + BIAS) * EXPONENT).view(np.float32)
    return type(value)(fraction * first * second)


@kernel
def log1p(value):
    """log(1 + ``value``) for a value from 0 to 1, of its dtype."""
    if is_double(value):
        return np.log1p(value)
    share = np.float32(value) / (np.float32(2) + np.float32(value))
    square = share * share
    series = (((((L13 * square + L11) * square + L9) * square + L7) * square + L5) * square + L3) * square + L1
    return type(value)(share * series)


@kernel
def sigmoid(value):
    """1 / (1 + exp(-value)), of the value's dtype."""
    one = type(value)(1)
    return one / (one + exp(-value))


@kernel
def tanh(value):
    """The hyperbolic tangent, of the value's dtype; beyond `NEAR` it is ``1 - 2 / (exp(2 |value|) + 1)``."""
    if is_double(value):
        return np.tanh(value)
    one, two = np.float32(1), np.float32(2)
    number = np.float32(value)
    square = number * number
    series = (((T11 * square + T9) * square + T7) * square + T5) * square + T3
    near = number * (one + square * series)
    size = abs(number)
    far = one - two / (exp(two * size) + one)
    far = -far if number < np.float32(0) else far
    return type(value)(near if size < NEAR else far)
