"""MVN, row by row."""

from math import sqrt

import numpy as np


def mvn(bottom, normalize_variance=True, across_channels=False, eps=1e-9):
    shape = bottom.shape + (1,) * (4 - bottom.ndim)
    top = np.zeros(shape)
    for n in range(shape[0]):
        for rows in [slice(None)] if across_channels else range(shape[1]):
            values = bottom.reshape(shape)[n, rows]
            mean = sum(values.reshape(-1).tolist()) / values.size
            variance = sum((value - mean) ** 2 for value in values.reshape(-1).tolist()) / values.size
            top[n, rows] = (values - mean) / (sqrt(variance) + eps if normalize_variance else 1)
    return top
