"""Reduction, one value at a time."""

from math import prod

import numpy as np


def reduction(bottom, operation="SUM", axis=0, coeff=1.0):
    top = np.zeros(bottom.shape[:axis])
    count = prod(bottom.shape[axis:])
    for index in np.ndindex(*bottom.shape):
        value = float(bottom[index])
        term = {"SUM": value, "ASUM": abs(value), "SUMSQ": value * value, "MEAN": value / count}[operation]
        top[index[:axis]] += coeff * term
    return top


def reduction_backward(bottom, operation, axis, coeff, top_diff):
    diff = np.zeros(bottom.shape)
    count = prod(bottom.shape[axis:])
    for index in np.ndindex(*bottom.shape):
        value = float(bottom[index])
        slope = {"SUM": 1, "ASUM": (value > 0) - (value < 0), "SUMSQ": 2 * value, "MEAN": 1 / count}[operation]
        diff[index] = coeff * slope * top_diff[index[:axis]]
    return diff
