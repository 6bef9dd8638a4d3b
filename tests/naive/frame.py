"""Slow, obvious twin of `netdef.kernels.frame`: matrices of NumPy, one pixel at a time."""

from __future__ import annotations

from math import cos, floor, sin

import numpy as np


def frame(image, pad, value, numbers=(0, 0, 0, 1, 1, 0), dtype=np.float32):
    """``image`` (C, H, W) in a frame of ``pad`` pixels; numbers: angle, down, right, tall, wide, slant.

    Points are columns (x, y, 1): the middle to the origin, stretch, slant, turn, the middle back, move.
    """
    angle, down, right, tall, wide, slant = numbers
    channels, height, width = image.shape
    result = np.zeros((channels, height + 2 * pad, width + 2 * pad), dtype)
    middle_x, middle_y = (width - 1) / 2, (height - 1) / 2
    to_middle = np.array([[1, 0, -middle_x], [0, 1, -middle_y], [0, 0, 1]])
    stretch = np.diag([wide, tall, 1])
    slanted = np.array([[1, slant, 0], [0, 1, 0], [0, 0, 1]])
    turn = np.array([[cos(angle), -sin(angle), 0], [sin(angle), cos(angle), 0], [0, 0, 1]])
    back = np.array([[1, 0, middle_x + pad + right], [0, 1, middle_y + pad + down], [0, 0, 1]])
    way_back = np.linalg.inv(back @ turn @ slanted @ stretch @ to_middle)
    for c, y, x in np.ndindex(*result.shape):
        column, row, _ = way_back @ (x, y, 1)
        total = 0.0
        for v in (floor(row), floor(row) + 1):
            for u in (floor(column), floor(column) + 1):
                inside = 0 <= v < height and 0 <= u < width
                share = (1 - abs(row - v)) * (1 - abs(column - u))
                total += share * (float(image[c, v, u]) if inside else value)
        result[c, y, x] = total
    return result
