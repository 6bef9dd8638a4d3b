"""Elementwise functions and their gradients. Arrays are flat and of one size; numbers are of the arrays' dtype.

A top may be its bottom and a bottom_diff its top_diff (in place).
"""

from __future__ import annotations

import numpy as np

from netdef.kernels._jit import kernel, prange
from netdef.kernels.exponential import exp, log1p, sigmoid


@kernel(parallel=True)
def absval_forward(bottom_data, top_data):
    """``top_data = |bottom_data|``."""
    for i in prange(top_data.size):
        top_data[i] = abs(bottom_data[i])


@kernel(parallel=True)
def absval_backward(bottom_data, top_diff, bottom_diff):
    """``bottom_diff = sign(bottom_data) * top_diff``; the sign of 0 is 0."""
    for i in prange(bottom_diff.size):
        value = bottom_data[i]
        if value > 0:
            bottom_diff[i] = top_diff[i]
        elif value < 0:
            bottom_diff[i] = -top_diff[i]
        else:
            bottom_diff[i] = 0


@kernel(parallel=True)
def bnll_forward(bottom_data, top_data):
    """``top_data = log(1 + exp(bottom_data))``, in the form that overflows for no value (bnll_layer.cpp:17-19)."""
    zero = bottom_data.dtype.type(0)
    for i in prange(top_data.size):
        value = bottom_data[i]
        top_data[i] = (zero if value < zero else value) + log1p(exp(-abs(value)))


@kernel(parallel=True)
def bnll_backward(bottom_data, top_diff, bottom_diff):
    """``bottom_diff = top_diff / (1 + exp(-bottom_data))`` (bnll_layer.cpp:33-34)."""
    for i in prange(bottom_diff.size):
        bottom_diff[i] = top_diff[i] * sigmoid(bottom_data[i])


@kernel(parallel=True)
def clip_forward(bottom_data, low, high, top_data):
    """``top_data = max(low, min(bottom_data, high))``; ``low`` where it is above ``high``, and at NaN."""
    for i in prange(top_data.size):
        value = high if high < bottom_data[i] else bottom_data[i]
        top_data[i] = value if low < value else low


@kernel(parallel=True)
def clip_backward(bottom_data, top_diff, low, high, bottom_diff):
    """``bottom_diff = top_diff`` where ``low <= bottom_data <= high``, else 0."""
    zero = bottom_data.dtype.type(0)
    for i in prange(bottom_diff.size):
        value = bottom_data[i]
        bottom_diff[i] = top_diff[i] if (value >= low) & (value <= high) else zero


@kernel(parallel=True)
def elu_forward(bottom_data, alpha, top_data):
    """``top_data = bottom_data`` above 0, else ``alpha * (exp(bottom_data) - 1)``."""
    one = bottom_data.dtype.type(1)
    for i in prange(top_data.size):
        value = bottom_data[i]
        power = exp(value) - one
        top_data[i] = value if value > 0 else alpha * power


@kernel(parallel=True)
def elu_backward(bottom_data, top_data, top_diff, alpha, bottom_diff):
    """``bottom_diff = top_diff`` where ``bottom_data > 0``, else ``top_diff * (alpha + top_data)``."""
    one = bottom_data.dtype.type(1)
    for i in prange(bottom_diff.size):
        slope = alpha + top_data[i]
        bottom_diff[i] = top_diff[i] * (one if bottom_data[i] > 0 else slope)


@kernel(parallel=True)
def exp_forward(bottom_data, inner_scale, outer_scale, top_data):
    """``top_data = outer_scale * exp(inner_scale * bottom_data)``."""
    for i in prange(top_data.size):
        top_data[i] = outer_scale * exp(inner_scale * bottom_data[i])


@kernel(parallel=True)
def exp_backward(top_data, top_diff, inner_scale, bottom_diff):
    """``bottom_diff = top_diff * top_data * inner_scale``."""
    for i in prange(bottom_diff.size):
        bottom_diff[i] = top_diff[i] * top_data[i] * inner_scale


@kernel(parallel=True)
def log_forward(bottom_data, scale, shift, base_scale, top_data):
    """``top_data = base_scale * log(scale * bottom_data + shift)``; NaN below 0, -infinity at 0."""
    for i in prange(top_data.size):
        top_data[i] = base_scale * np.log(scale * bottom_data[i] + shift)


@kernel(parallel=True)
def log_backward(bottom_data, top_diff, scale, shift, numerator, bottom_diff):
    """``bottom_diff = top_diff * numerator / (scale * bottom_data + shift)``; numerator is scale / log(base)."""
    for i in prange(bottom_diff.size):
        bottom_diff[i] = top_diff[i] * (numerator / (scale * bottom_data[i] + shift))


@kernel(parallel=True)
def relu6_forward(bottom_data, negative_slope, top_data):
    """``top_data = min(max(bottom_data, 0) + negative_slope * min(bottom_data, 0), 6)``; NaN stays NaN."""
    six = bottom_data.dtype.type(6)
    for i in prange(top_data.size):
        value = bottom_data[i]
        value = value if value > 0 else negative_slope * value
        top_data[i] = six if six < value else value


@kernel(parallel=True)
def relu6_backward(bottom_data, top_diff, negative_slope, bottom_diff):
    """``bottom_diff = top_diff`` where ``0 < bottom_data < 6``, ``negative_slope * top_diff`` below, 0 above."""
    one = bottom_data.dtype.type(1)
    zero = bottom_data.dtype.type(0)
    six = bottom_data.dtype.type(6)
    for i in prange(bottom_diff.size):
        value = bottom_data[i]
        slope = one if value > zero else negative_slope
        bottom_diff[i] = top_diff[i] * (slope if value < six else zero)


@kernel(parallel=True)
def swish_forward(bottom_data, beta, share, top_data):
    """``share = 1 / (1 + exp(-beta * bottom_data))``, kept for backward; ``top_data = bottom_data * share``."""
    for i in prange(top_data.size):
        value = bottom_data[i]
        share[i] = sigmoid(beta * value)
        top_data[i] = value * share[i]


@kernel(parallel=True)
def swish_backward(top_data, share, top_diff, beta, bottom_diff):
    """``bottom_diff = top_diff * (beta * top_data + share * (1 - beta * top_data))``."""
    one = top_data.dtype.type(1)
    for i in prange(bottom_diff.size):
        part = beta * top_data[i]
        bottom_diff[i] = top_diff[i] * (part + share[i] * (one - part))


@kernel(parallel=True)
def threshold_forward(bottom_data, threshold, top_data):
    """``top_data = 1`` where ``bottom_data > threshold``, else 0."""
    one = bottom_data.dtype.type(1)
    zero = bottom_data.dtype.type(0)
    for i in prange(top_data.size):
        top_data[i] = one if bottom_data[i] > threshold else zero
