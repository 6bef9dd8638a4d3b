"""Kernels of MVN. A blob is seen as (num, dim): each row is normalized by itself, with sums in float64."""

import math

import numpy as np

from netdef.kernels._jit import kernel, prange
from netdef.kernels.sums import block_dot, block_square_deviation, block_sum


@kernel(parallel=True)
def mvn_forward(bottom_data, eps, normalize_variance, deviation, top_data):
    """``top_data = (bottom_data - mean) / deviation``, ``deviation = sqrt(variance) + eps``; both of the row.

    The variance is divided by dim, not by dim - 1. Without normalize_variance only the mean is taken away and
    ``deviation``, (num,), stays as it is. ``top_data`` may be ``bottom_data``; eps has their dtype.
    """
    num, dim = bottom_data.shape
    for n in prange(num):
        source = bottom_data[n]
        target = top_data[n]
        mean = bottom_data.dtype.type(block_sum(source, 0, dim) / dim)
        if normalize_variance:
            deviation[n] = math.sqrt(block_square_deviation(source, mean, 0, dim) / dim) + eps
            spread = deviation[n]
            for i in range(dim):
                target[i] = (source[i] - mean) / spread
        else:
            for i in range(dim):
                target[i] = source[i] - mean


@kernel(parallel=True)
def mvn_backward(top_data, top_diff, deviation, normalize_variance, bottom_diff):
    """``bottom_diff = (top_diff - mean(top_diff) - top_data * mean(top_data * top_diff)) / deviation``.

    Without normalize_variance ``top_diff - mean(top_diff)``. The eps within deviation counts as a constant
    (mvn_layer.cpp:79-113). ``bottom_diff`` may be ``top_diff``.
    """
    num, dim = bottom_diff.shape
    for n in prange(num):
        source = top_diff[n]
        target = bottom_diff[n]
        mean = top_diff.dtype.type(block_sum(source, 0, dim) / dim)
        if normalize_variance:
            values = top_data[n]
            slope = top_diff.dtype.type(block_dot(values, source, 0, dim) / dim)
            spread = deviation[n]
            for i in range(dim):
                target[i] = (source[i] - mean - values[i] * slope) / spread
        else:
            for i in range(dim):
                target[i] = source[i] - mean


@kernel(parallel=True)
def mvn_forward_shared(bottom_data, eps, normalize_variance, deviation, partial, top_data):
    """`mvn_forward` for long rows: threads share a row.

    partial : (shares,) float64, working space; a row is cut into so many, whose sums are added in their order.
    """
    num, dim = bottom_data.shape
    shares = partial.size
    for n in range(num):
        source, target = bottom_data[n], top_data[n]
        for share in prange(shares):
            partial[share] = block_sum(source, share * dim // shares, (share + 1) * dim // shares)
        mean = bottom_data.dtype.type(_sum_in_order(partial) / dim)
        spread = bottom_data.dtype.type(1)
        if normalize_variance:
            for share in prange(shares):
                partial[share] = block_square_deviation(
                    source, mean, share * dim // shares, (share + 1) * dim // shares
                )
            deviation[n] = math.sqrt(_sum_in_order(partial) / dim) + eps
            spread = deviation[n]
        for i in prange(dim):
            target[i] = (source[i] - mean) / spread


@kernel(parallel=True)
def mvn_backward_shared(top_data, top_diff, deviation, normalize_variance, partial, bottom_diff):
    """`mvn_backward` for long rows, as `mvn_forward_shared`."""
    num, dim = bottom_diff.shape
    shares = partial.size
    for n in range(num):
        source, target, values = top_diff[n], bottom_diff[n], top_data[n]
        for share in prange(shares):
            partial[share] = block_sum(source, share * dim // shares, (share + 1) * dim // shares)
        mean = top_diff.dtype.type(_sum_in_order(partial) / dim)
        slope, spread = top_diff.dtype.type(0), top_diff.dtype.type(1)
        if normalize_variance:
            for share in prange(shares):
                partial[share] = block_dot(values, source, share * dim // shares, (share + 1) * dim // shares)
            slope = top_diff.dtype.type(_sum_in_order(partial) / dim)
            spread = deviation[n]
        for i in prange(dim):
            target[i] = (source[i] - mean - values[i] * slope) / spread


@kernel
def _sum_in_order(partial):
    total = np.float64(0)
    for share in range(partial.size):
        total += partial[share]
    return total
