"""PSPNet's and SegNet's BN, in terms of BatchNorm's twin; parameters are (channels,)."""

import numpy as np

from tests.naive import batch_norm


def forward(bottom, slope, bias, means, variances, eps):
    top = batch_norm.normalize(bottom, means, variances, eps)
    for index in np.ndindex(bottom.shape):
        top[index] = top[index] * slope[index[1]] + bias[index[1]]
    return top


def backward(bottom, slope, means, variances, eps, top_diff, of_batch):
    """``(bottom_diff, slope_diff, bias_diff)``; ``of_batch``: mean and variance are functions of the bottom."""
    normalized = batch_norm.normalize(bottom, means, variances, eps)
    slope_diff, bias_diff = np.zeros(len(slope)), np.zeros(len(slope))
    scaled = np.zeros(bottom.shape)
    for index in np.ndindex(bottom.shape):
        channel = index[1]
        slope_diff[channel] += top_diff[index] * normalized[index]
        bias_diff[channel] += top_diff[index]
        scaled[index] = top_diff[index] * slope[channel]
    if of_batch:
        return batch_norm.backward(bottom, eps, scaled), slope_diff, bias_diff
    return batch_norm.normalize(scaled, np.zeros(len(slope)), variances, eps), slope_diff, bias_diff
