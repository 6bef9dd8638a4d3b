"""Elementwise activations and their gradients. Arrays are flat; tops may be their bottoms (in place)."""

from __future__ import annotations

import math

from netdef.kernels._jit import kernel, prange

__all__ = [
    "relu_backward",
    "relu_forward",
    "sigmoid_backward",
    "sigmoid_forward",
    "tanh_backward",
    "tanh_forward",
]


@kernel(parallel=True)
def relu_forward(bottom, negative_slope, top):
    """``top = max(bottom, 0) + negative_slope min(bottom, 0)``; NaN stays NaN (relu_layer.cpp:14-17)."""
    zero = bottom.dtype.type(0)
    slope = bottom.dtype.type(negative_slope)
    for i in prange(bottom.size):
        value = bottom[i]
        top[i] = (zero if value < zero else value) + slope * (zero if zero < value else value)


@kernel(parallel=True)
def relu_backward(top_diff, bottom, negative_slope, bottom_diff):
    """``bottom_diff = top_diff`` where ``bottom > 0``, else ``negative_slope top_diff``; 0 at NaN."""
    zero = bottom.dtype.type(0)
    one = bottom.dtype.type(1)
    slope = bottom.dtype.type(negative_slope)
    for i in prange(bottom.size):
        value = bottom[i]
        bottom_diff[i] = top_diff[i] * (one if value > zero else (slope if value <= zero else zero))


@kernel(parallel=True)
def sigmoid_forward(bottom, top):
    """``top = 1 / (1 + exp(-bottom))``, computed as ``tanh(bottom / 2) / 2 + 1 / 2`` (sigmoid_layer.cpp:8-11)."""
    half = bottom.dtype.type(0.5)
    for i in prange(bottom.size):
        top[i] = half * math.tanh(half * bottom[i]) + half


@kernel(parallel=True)
def sigmoid_backward(top_diff, top, bottom_diff):
    """``bottom_diff = top_diff top (1 - top)``."""
    one = top.dtype.type(1)
    for i in prange(top.size):
        bottom_diff[i] = top_diff[i] * (top[i] * (one - top[i]))


@kernel(parallel=True)
def tanh_forward(bottom, top):
    """``top = tanh(bottom)``."""
    for i in prange(bottom.size):
        top[i] = math.tanh(bottom[i])


@kernel(parallel=True)
def tanh_backward(top_diff, top, bottom_diff):
    """``bottom_diff = top_diff (1 - top^2)``."""
    one = top.dtype.type(1)
    for i in prange(top.size):
        bottom_diff[i] = top_diff[i] * (one - top[i] * top[i])
