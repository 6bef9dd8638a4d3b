"""Concat and Slice, one value at a time."""

import numpy as np


def concat(bottoms, axis):
    shape = list(bottoms[0].shape)
    shape[axis] = sum(bottom.shape[axis] for bottom in bottoms)
    top = np.zeros(shape, bottoms[0].dtype)
    offset = 0
    for bottom in bottoms:
        for index in np.ndindex(bottom.shape):
            target = list(index)
            target[axis] += offset
            top[tuple(target)] = bottom[index]
        offset += bottom.shape[axis]
    return top


def cut(whole, sizes, axis):
    parts = []
    offset = 0
    for size in sizes:
        shape = list(whole.shape)
        shape[axis] = size
        part = np.zeros(shape, whole.dtype)
        for index in np.ndindex(part.shape):
            source = list(index)
            source[axis] += offset
            part[index] = whole[tuple(source)]
        parts.append(part)
        offset += size
    return parts
