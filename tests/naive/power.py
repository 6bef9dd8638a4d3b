"""Power, one value at a time in double precision."""

import numpy as np


def power(bottom, exponent, scale, shift):
    top = np.zeros(bottom.shape)
    for index in np.ndindex(bottom.shape):
        top[index] = (shift + scale * float(bottom[index])) ** exponent
    return top


def power_backward(bottom, exponent, scale, shift, top_diff):
    diff = np.zeros(bottom.shape)
    for index in np.ndindex(bottom.shape):
        if exponent * scale != 0:
            base = shift + scale * float(bottom[index])
            diff[index] = top_diff[index] * exponent * scale * base ** (exponent - 1)
    return diff
