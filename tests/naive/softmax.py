"""Softmax by the definition, one column at a time, in Python floats."""

from math import exp

import numpy as np


def columns(shape, axis):
    """Index of each column along ``axis``."""
    for index in np.ndindex(*shape[:axis], 1, *shape[axis + 1 :]):
        yield (*index[:axis], slice(None), *index[axis + 1 :])


def softmax(bottom, axis):
    top = np.empty(bottom.shape)
    for column in columns(bottom.shape, axis):
        powers = [exp(value - max(bottom[column])) for value in bottom[column]]
        top[column] = [power / sum(powers) for power in powers]
    return top


def softmax_backward(top, top_diff, axis):
    """Through the Jacobian: d top[c] / d bottom[k] = top[c] ([c == k] - top[k])."""
    bottom_diff = np.zeros(top.shape)
    for column in columns(top.shape, axis):
        probability, gradient = top[column], top_diff[column]
        for k in range(len(probability)):
            for c in range(len(probability)):
                slope = probability[c] * ((c == k) - probability[k])
                bottom_diff[column][k] += gradient[c] * slope
    return bottom_diff
