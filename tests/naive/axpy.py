"""Axpy, one value at a time."""

import numpy as np


def axpy(scale, factor, term):
    top = np.zeros(factor.shape)
    for index in np.ndindex(*factor.shape):
        top[index] = scale.reshape(factor.shape[:2])[index[:2]] * factor[index] + term[index]
    return top


def axpy_backward(scale, factor, top_diff):
    """Gradients with respect to the three."""
    scale_diff, factor_diff = np.zeros(factor.shape[:2]), np.zeros(factor.shape)
    for index in np.ndindex(*factor.shape):
        scale_diff[index[:2]] += top_diff[index] * factor[index]
        factor_diff[index] = top_diff[index] * scale.reshape(factor.shape[:2])[index[:2]]
    return scale_diff.reshape(scale.shape), factor_diff, top_diff
