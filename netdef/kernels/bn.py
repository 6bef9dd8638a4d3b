"""The kernels that BN has beside those of BatchNorm, Scale and Bias; statistics are flat, (channels,)."""

from __future__ import annotations

import math

from netdef.kernels._jit import kernel

__all__ = ["fold_statistics", "move_statistics", "read_deviation"]


@kernel
def read_deviation(variance, eps, deviation):
    """``deviation = sqrt(variance + eps)``."""
    for c in range(variance.size):
        deviation[c] = math.sqrt(variance[c] + eps)


@kernel
def move_statistics(mean, variance, momentum, moving_mean, moving_variance):
    """``moving = momentum * moving + (1 - momentum) * batch``, for mean and variance."""
    share = mean.dtype.type(1) - momentum
    for c in range(mean.size):
        moving_mean[c] = share * mean[c] + momentum * moving_mean[c]
        moving_variance[c] = share * variance[c] + momentum * moving_variance[c]


@kernel
def fold_statistics(mean, deviation, slope, bias, factor, term):
    """``factor = slope / deviation``, ``term = bias - mean * factor``: normalizing and scaling in one step."""
    for c in range(mean.size):
        factor[c] = slope[c] / deviation[c]
        term[c] = bias[c] - mean[c] * factor[c]
