"""Squared distances from targets, and the losses that are made of them.

bottom : (num, dim). weight : (outputs, dim), the targets. distance : (num, outputs). Every element of a result is
summed by one thread, so that it has the same bits on any number of them.
"""

from __future__ import annotations

import numpy as np

from netdef.kernels._jit import kernel, prange


@kernel(parallel=True)
def distances(bottom, weight, distance):
    """``distance[n, i] = sum over j of (bottom[n, j] - weight[i, j])**2``, summed in float64."""
    outputs, dim = weight.shape
    for n in prange(bottom.shape[0]):
        for i in range(outputs):
            total = 0.0
            for j in range(dim):
                difference = np.float64(bottom[n, j] - weight[i, j])
                total += difference * difference
            distance[n, i] = total


@kernel(parallel=True)
def distances_to_bottom(bottom, weight, distance_diff, bottom_diff):
    """``bottom_diff[n, j] = 2 * sum over i of distance_diff[n, i] * (bottom[n, j] - weight[i, j])``."""
    outputs, dim = weight.shape
    two = bottom.dtype.type(2)
    for n in prange(bottom.shape[0]):
        line, values = bottom_diff[n], bottom[n]
        line[:] = 0
        for i in range(outputs):
            factor = two * distance_diff[n, i]
            for j in range(dim):
                line[j] += factor * (values[j] - weight[i, j])


@kernel(parallel=True)
def distances_to_weight(bottom, weight, distance_diff, weight_diff):
    """``weight_diff[i, j] += 2 * sum over n of distance_diff[n, i] * (weight[i, j] - bottom[n, j])``, n upwards."""
    outputs, dim = weight.shape
    two = bottom.dtype.type(2)
    for i in prange(outputs):
        line, target = weight_diff[i], weight[i]
        for n in range(bottom.shape[0]):
            factor = two * distance_diff[n, i]
            for j in range(dim):
                line[j] += factor * (target[j] - bottom[n, j])


@kernel(parallel=True)
def map_loss(distance, label, j, partial, share):
    """The sum over n of ``distance[n, label] + log(exp(-j) + sum over i of exp(-distance[n, i]))``, float64.

    share[n, i] = exp(-distance[n, i]) / (exp(-j) + sum over k of exp(-distance[n, k])). The smallest of j and the
    distances is taken out of the exponents first, so that none of them overflows and the sum is at least 1. partial :
    (num,) float64, working space. label is checked before; it is cut to whole numbers.
    """
    num, outputs = distance.shape
    for n in prange(num):
        least = np.float64(j)
        for i in range(outputs):
            least = min(least, np.float64(distance[n, i]))
        total = np.exp(least - j)
        for i in range(outputs):
            total += np.exp(least - np.float64(distance[n, i]))
        for i in range(outputs):
            share[n, i] = np.exp(least - np.float64(distance[n, i])) / total
        partial[n] = np.float64(distance[n, int(label[n])]) - least + np.log(total)
    loss = 0.0
    for n in range(num):
        loss += partial[n]
    return loss


@kernel
def mean_square_loss(distance, label):
    """The sum over n of ``distance[n, label]``, float64; label as for `map_loss`."""
    loss = 0.0
    for n in range(distance.shape[0]):
        loss += np.float64(distance[n, int(label[n])])
    return loss


@kernel(parallel=True)
def loss_to_distance(share, label, scale, distance_diff):
    """``distance_diff[n, i] = scale * ([i is the label] - share[n, i])``; a ``share`` without rows stands for 0."""
    num, outputs = distance_diff.shape
    for n in prange(num):
        for i in range(outputs):
            distance_diff[n, i] = -scale * share[n, i] if share.shape[0] else 0
        distance_diff[n, int(label[n])] += scale
