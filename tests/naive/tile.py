"""Tile, one value at a time."""

import numpy as np


def tile(bottom, axis, tiles):
    shape = list(bottom.shape)
    shape[axis] *= tiles
    top = np.zeros(shape)
    for index in np.ndindex(*shape):
        source = list(index)
        source[axis] %= bottom.shape[axis]
        top[index] = bottom[tuple(source)]
    return top


def tile_backward(bottom_shape, axis, top_diff):
    diff = np.zeros(bottom_shape)
    for index in np.ndindex(*top_diff.shape):
        source = list(index)
        source[axis] %= bottom_shape[axis]
        diff[tuple(source)] += top_diff[index]
    return diff
