"""Permute, one value at a time."""

import numpy as np


def permute(bottom, order):
    top = np.zeros([bottom.shape[axis] for axis in order])
    for index in np.ndindex(*bottom.shape):
        top[tuple(index[axis] for axis in order)] = bottom[index]
    return top


def permute_backward(top_diff, order):
    inverse = [order.index(axis) for axis in range(len(order))]
    return permute(top_diff, inverse)
