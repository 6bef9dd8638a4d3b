"""PReLU, one value at a time."""

import numpy as np


def prelu(bottom, slope):
    top = np.zeros(bottom.shape)
    for index in np.ndindex(*bottom.shape):
        factor = slope[index[1]] if np.ndim(slope) else slope
        top[index] = bottom[index] if bottom[index] > 0 else factor * bottom[index]
    return top


def prelu_backward(bottom, slope, top_diff):
    """Gradients with respect to bottom and slope."""
    bottom_diff, slope_diff = np.zeros(bottom.shape), np.zeros(np.shape(slope))
    for index in np.ndindex(*bottom.shape):
        channel = index[1] if np.ndim(slope) else ()
        if bottom[index] > 0:
            bottom_diff[index] = top_diff[index]
        else:
            bottom_diff[index] = top_diff[index] * np.asarray(slope)[channel]
            slope_diff[channel] += top_diff[index] * bottom[index]
    return bottom_diff, slope_diff
