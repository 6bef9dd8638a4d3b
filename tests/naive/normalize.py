"""Normalize, item by item or place by place."""

from math import sqrt

import numpy as np


def normalize(bottom, scale, across_spatial=True, eps=1e-10):
    num, channels = bottom.shape[:2]
    planes = bottom.reshape(num, channels, -1)
    top = np.zeros(planes.shape)
    scales = np.broadcast_to(scale, channels)
    for n in range(num):
        for i in range(planes.shape[2]):
            values = planes[n] if across_spatial else planes[n, :, i]
            norm = sqrt(sum(value * value for value in values.reshape(-1).tolist()) + eps)
            for c in range(channels):
                top[n, c, i] = scales[c] * planes[n, c, i] / norm
    return top.reshape(bottom.shape)
