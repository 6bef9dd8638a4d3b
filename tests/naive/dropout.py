"""Dropout element by element, from the hash in plain Python."""

import numpy as np

from netdef.random import mix


def dropout(source, key, first, ratio):
    target = np.zeros(source.shape)
    for i, index in enumerate(np.ndindex(*source.shape)):
        if mix(key, first + i) >= ratio * 2**64:
            target[index] = source[index] / (1 - ratio)
    return target
