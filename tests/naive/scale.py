"""Scale and Bias, one value at a time in double precision."""

import numpy as np


def covered(index, axis, shape):
    """The place in a blob of ``shape``, laid over from ``axis`` on, that belongs to ``index``."""
    return index[axis : axis + len(shape)]


def scale(bottom, factor, axis, bias=None):
    top = np.zeros(bottom.shape)
    for index in np.ndindex(bottom.shape):
        place = covered(index, axis, factor.shape)
        top[index] = float(bottom[index]) * float(factor[place])
        if bias is not None:
            top[index] += float(bias[place])
    return top


def scale_backward(bottom, factor, axis, top_diff):
    """Gradients of bottom, scale and bias."""
    bottom_diff, scale_diff, bias_diff = np.zeros(bottom.shape), np.zeros(factor.shape), np.zeros(factor.shape)
    for index in np.ndindex(bottom.shape):
        place = covered(index, axis, factor.shape)
        bottom_diff[index] = float(top_diff[index]) * float(factor[place])
        scale_diff[place] += float(top_diff[index]) * float(bottom[index])
        bias_diff[place] += float(top_diff[index])
    return bottom_diff, scale_diff, bias_diff
