"""BatchNorm, one channel at a time in double precision."""

import math

import numpy as np


def values_of(blob, channel):
    return [float(blob[index]) for index in np.ndindex(blob.shape) if index[1] == channel]


def batch_statistics(bottom):
    """Mean and variance, divided by the count, of each channel."""
    means, variances = [], []
    for channel in range(bottom.shape[1]):
        values = values_of(bottom, channel)
        mean = sum(values) / len(values)
        means.append(mean)
        variances.append(sum((value - mean) ** 2 for value in values) / len(values))
    return np.array(means), np.array(variances)


def normalize(bottom, means, variances, eps):
    top = np.zeros(bottom.shape)
    for index in np.ndindex(bottom.shape):
        channel = index[1]
        top[index] = (float(bottom[index]) - means[channel]) / math.sqrt(variances[channel] + eps)
    return top


def moved(statistics, means, variances, count, fraction):
    """The three statistics after one batch of ``count`` values a channel."""
    mean_sum, variance_sum, weight = statistics
    correction = count / (count - 1) if count > 1 else 1
    return fraction * mean_sum + means, fraction * variance_sum + correction * variances, fraction * weight + 1


def backward(bottom, eps, top_diff):
    """Gradient of the bottom, the batch's own statistics being functions of it."""
    means, variances = batch_statistics(bottom)
    normalized = normalize(bottom, means, variances, eps)
    bottom_diff = np.zeros(bottom.shape)
    for index in np.ndindex(bottom.shape):
        channel = index[1]
        diffs, ys = values_of(top_diff, channel), values_of(normalized, channel)
        mean_diff = sum(diffs) / len(diffs)
        mean_product = sum(d * y for d, y in zip(diffs, ys)) / len(diffs)
        spread = math.sqrt(variances[channel] + eps)
        bottom_diff[index] = (float(top_diff[index]) - mean_diff - mean_product * normalized[index]) / spread
    return bottom_diff
