"""Elementwise activations and their gradients. Arrays are flat; tops may be their bottoms (in place)."""

from __future__ import annotations

import numpy as np

from netdef.kernels._jit import kernel, prange
from netdef.kernels.exponential_runs import sigmoid_run, tanh_run

__all__ = [
    "rectified",
    "relu_backward",
    "relu_backward_in_place",
    "relu_forward",
    "relu_forward_in_place",
    "scaled_tanh_backward",
    "scaled_tanh_forward",
    "sigmoid_backward",
    "sigmoid_forward",
    "tanh_backward",
    "tanh_forward",
]

BLOCK = 4096  # values that one thread takes at a time


@kernel
def rectified(value, slope):
    """``max(value, 0) + slope min(value, 0)``; NaN stays NaN."""
    zero = type(slope)(0)
    return (zero if value < zero else value) + slope * (zero if zero < value else value)


@kernel
def _slope_at(value, slope):
    one, zero = type(slope)(1), type(slope)(0)
    return (one if value > zero else zero) + (slope if value <= zero else zero)


@kernel(parallel=True)
def relu_forward(bottom, negative_slope, top):
    """``top = max(bottom, 0) + negative_slope min(bottom, 0)``; NaN stays NaN (relu_layer.cpp:14-17)."""
    for i in prange(bottom.size):
        top[i] = rectified(bottom[i], negative_slope)


@kernel(parallel=True)
def relu_forward_in_place(negative_slope, data):
    """`relu_forward` of an array on itself; by name, since a compiler that fears overlap does one at a time."""
    for i in prange(data.size):
        data[i] = rectified(data[i], negative_slope)


@kernel(parallel=True)
def relu_backward(top_diff, bottom, negative_slope, bottom_diff):
    """``bottom_diff = top_diff`` where ``bottom > 0``, else ``negative_slope top_diff``; 0 at NaN."""
    for i in prange(bottom.size):
        bottom_diff[i] = top_diff[i] * _slope_at(bottom[i], negative_slope)


@kernel(parallel=True)
def relu_backward_in_place(bottom, negative_slope, diff):
    """`relu_backward` where one array is both gradients."""
    for i in prange(bottom.size):
        diff[i] *= _slope_at(bottom[i], negative_slope)


@kernel(parallel=True)
def sigmoid_forward(bottom, top):
    """``top = 1 / (1 + exp(-bottom))`` (sigmoid_layer.cpp:8-11)."""
    for block in prange((bottom.size + BLOCK - 1) // BLOCK):
        first = np.int64(block) * BLOCK
        sigmoid_run(bottom, first, min(BLOCK, bottom.size - first), top)


@kernel(parallel=True)
def sigmoid_backward(top_diff, top, bottom_diff):
    """``bottom_diff = top_diff top (1 - top)``."""
    one = top.dtype.type(1)
    for i in prange(top.size):
        bottom_diff[i] = top_diff[i] * (top[i] * (one - top[i]))


@kernel(parallel=True)
def tanh_forward(bottom, top):
    """``top = tanh(bottom)``."""
    for block in prange((bottom.size + BLOCK - 1) // BLOCK):
        first = np.int64(block) * BLOCK
        tanh_run(bottom, first, min(BLOCK, bottom.size - first), top)


@kernel(parallel=True)
def tanh_backward(top_diff, top, bottom_diff):
    """``bottom_diff = top_diff (1 - top^2)``."""
    one = top.dtype.type(1)
    for i in prange(top.size):
        bottom_diff[i] = top_diff[i] * (one - top[i] * top[i])


@kernel(parallel=True)
def scaled_tanh_forward(bottom, amplitude, slope, top):
    """``top = amplitude * tanh(slope * bottom)``."""
    for block in prange((bottom.size + BLOCK - 1) // BLOCK):
        first = np.int64(block) * BLOCK
        count = min(BLOCK, bottom.size - first)
        for i in range(first, first + count):
            top[i] = slope * bottom[i]
        tanh_run(top, first, count, top)
        for i in range(first, first + count):
            top[i] *= amplitude


@kernel(parallel=True)
def scaled_tanh_backward(top_diff, top, amplitude, slope, bottom_diff):
    """``bottom_diff = top_diff * slope * (amplitude - top^2 / amplitude)``."""
    share = slope / amplitude
    steepest = slope * amplitude
    for i in prange(top.size):
        bottom_diff[i] = top_diff[i] * (steepest - share * (top[i] * top[i]))
