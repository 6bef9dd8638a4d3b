"""Kernels of BatchNorm.

Blobs come as flat arrays of ``num * channels * spatial`` elements; statistics are (channels,). A thread owns
whole channels, so that sums run in one order whatever the number of threads; they are taken in float64.
"""

import math

import numpy as np

from netdef.kernels._jit import kernel, prange
from netdef.kernels.sums import block_dot, block_square_deviation, block_sum


@kernel(parallel=True)
def normalize_batch(bottom_data, num, spatial, eps, mean, variance, deviation, normalized, top_data):
    """Normalize each channel by its own mean and variance over the batch.

    ``mean[c]`` and ``variance[c]`` (divided by the count, not by count - 1) are written, and
    ``deviation[c] = sqrt(variance[c] + eps)``, ``normalized = top_data = (bottom_data - mean) / deviation``.
    ``normalized`` is kept for the backward pass, because later layers in place overwrite the top
    (batch_norm_layer.cpp:156-158). ``top_data`` may be ``bottom_data``; ``eps`` has the arrays' dtype.
    """
    channels = mean.size
    count = num * spatial
    for c in prange(channels):
        total = np.float64(0)
        for n in range(num):
            start = (n * channels + c) * spatial
            total += block_sum(bottom_data, start, start + spatial)
        mean[c] = total / count
        centre = mean[c]
        total = np.float64(0)
        for n in range(num):
            start = (n * channels + c) * spatial
            total += block_square_deviation(bottom_data, centre, start, start + spatial)
        variance[c] = total / count
        deviation[c] = math.sqrt(variance[c] + eps)
        spread = deviation[c]
        for n in range(num):
            start = (n * channels + c) * spatial
            source = bottom_data[start : start + spatial]
            kept = normalized[start : start + spatial]
            target = top_data[start : start + spatial]
            for i in range(spatial):
                value = (source[i] - centre) / spread
                kept[i] = value
                target[i] = value


@kernel
def update_statistics(mean, variance, fraction, correction, mean_sum, variance_sum):
    """Fold the batch into the moving sums: ``s = fraction * s + mean``, likewise ``correction * variance``.

    The sums are weighted by a third statistic, which the layer keeps: ``weight = fraction * weight + 1``.
    """
    for c in range(mean.size):
        mean_sum[c] = mean[c] + fraction * mean_sum[c]
        variance_sum[c] = correction * variance[c] + fraction * variance_sum[c]


@kernel
def read_statistics(mean_sum, variance_sum, weight, eps, mean, deviation):
    """``mean = mean_sum / weight[0]``, ``deviation = sqrt(variance_sum / weight[0] + eps)``; all (channels,).

    The sums are multiplied by the inverse; where the weight is 0, by 0.
    """
    one, zero = mean.dtype.type(1), mean.dtype.type(0)
    factor = one / weight[0] if weight[0] else zero
    for c in range(mean.size):
        mean[c] = factor * mean_sum[c]
        deviation[c] = math.sqrt(factor * variance_sum[c] + eps)


@kernel(parallel=True)
def normalize_by_statistics(bottom_data, mean, deviation, spatial, top_data):
    """``top_data = (bottom_data - mean) * (1 / deviation)`` per channel; ``top_data`` may be ``bottom_data``."""
    channels = mean.size
    one = mean.dtype.type(1)
    for block in prange(top_data.size // spatial):
        source = bottom_data[block * spatial : (block + 1) * spatial]
        target = top_data[block * spatial : (block + 1) * spatial]
        centre = mean[block % channels]
        inverse = one / deviation[block % channels]
        for i in range(spatial):
            target[i] = (source[i] - centre) * inverse


@kernel(parallel=True)
def batch_backward(top_diff, normalized, deviation, num, spatial, bottom_diff):
    """``(top_diff - mean(top_diff) - mean(top_diff * normalized) * normalized) / deviation`` per channel.

    The means are over the batch, because the channel's mean and variance depend on every element
    (batch_norm_layer.cpp:184-236). ``bottom_diff`` may be ``top_diff``.
    """
    channels = deviation.size
    count = num * spatial
    for c in prange(channels):
        total = np.float64(0)
        projection = np.float64(0)
        for n in range(num):
            start = (n * channels + c) * spatial
            total += block_sum(top_diff, start, start + spatial)
            projection += block_dot(top_diff, normalized, start, start + spatial)
        spread = deviation[c]
        offset = top_diff.dtype.type(total / count)
        slope = top_diff.dtype.type(projection / count)
        for n in range(num):
            start = (n * channels + c) * spatial
            source = top_diff[start : start + spatial]
            kept = normalized[start : start + spatial]
            target = bottom_diff[start : start + spatial]
            for i in range(spatial):
                target[i] = (source[i] - offset - slope * kept[i]) / spread


@kernel(parallel=True)
def statistics_backward(top_diff, deviation, spatial, bottom_diff):
    """``bottom_diff = top_diff / deviation`` per channel; ``bottom_diff`` may be ``top_diff``."""
    channels = deviation.size
    for block in prange(top_diff.size // spatial):
        source = top_diff[block * spatial : (block + 1) * spatial]
        target = bottom_diff[block * spatial : (block + 1) * spatial]
        spread = deviation[block % channels]
        for i in range(spatial):
            target[i] = source[i] / spread
