"""Crop, one value at a time."""

import numpy as np


def crop(bottom, shape, offsets):
    top = np.zeros(shape)
    for index in np.ndindex(*shape):
        top[index] = bottom[tuple(i + offset for i, offset in zip(index, offsets))]
    return top


def crop_backward(bottom_shape, offsets, top_diff):
    diff = np.zeros(bottom_shape)
    for index in np.ndindex(*top_diff.shape):
        diff[tuple(i + offset for i, offset in zip(index, offsets))] = top_diff[index]
    return diff
