"""Bias, one value at a time in double precision."""

import numpy as np

from tests.naive.scale import covered


def bias(bottom, term, axis):
    top = np.zeros(bottom.shape)
    for index in np.ndindex(bottom.shape):
        top[index] = float(bottom[index]) + float(term[covered(index, axis, term.shape)])
    return top


def bias_backward(shape, axis, top_diff):
    diff = np.zeros(shape)
    for index in np.ndindex(top_diff.shape):
        diff[covered(index, axis, shape)] += float(top_diff[index])
    return diff
