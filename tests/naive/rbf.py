"""Distances from targets and their losses, value by value."""

from math import exp, log

import numpy as np


def rbf(bottom, weight):
    top = np.zeros((len(bottom), len(weight)))
    for n, i in np.ndindex(*top.shape):
        for j in range(weight.shape[1]):
            top[n, i] += (float(bottom[n, j]) - float(weight[i, j])) ** 2
    return top


def rbf_backward(bottom, weight, top_diff):
    """Gradients with respect to the bottom and the weight."""
    bottom_diff, weight_diff = np.zeros(bottom.shape), np.zeros(weight.shape)
    for n, i in np.ndindex(*top_diff.shape):
        for j in range(weight.shape[1]):
            term = 2 * float(top_diff[n, i]) * (float(bottom[n, j]) - float(weight[i, j]))
            bottom_diff[n, j] += term
            weight_diff[i, j] -= term
    return bottom_diff, weight_diff


def rbf_loss(distance, label, j=None):
    """``(loss, gradient)``; the mean square form where ``j`` is None."""
    num, gradient = len(distance), np.zeros(distance.shape)
    loss = 0.0
    for n in range(num):
        loss += distance[n, label[n]]
        gradient[n, label[n]] = 1
        if j is not None:
            total = exp(-j) + sum(exp(-y) for y in distance[n])
            loss += log(total)
            gradient[n] -= [exp(-y) / total for y in distance[n]]
    return loss / num, gradient / num
