"""Bilinear resizing with corners on corners, output by output."""

import numpy as np


def interp(bottom, height, width, cut=(0, 0)):
    """``(N, C, H, W)``, ``cut`` pixels taken off before and after, to ``(N, C, height, width)``."""
    before, after = cut
    part = bottom[:, :, before : bottom.shape[2] - after, before : bottom.shape[3] - after]
    top = np.zeros((*bottom.shape[:2], height, width))
    for h in range(height):
        for w in range(width):
            y = h * (part.shape[2] - 1) / (height - 1) if height > 1 else 0
            x = w * (part.shape[3] - 1) / (width - 1) if width > 1 else 0
            for row in range(part.shape[2]):
                for column in range(part.shape[3]):
                    weight = max(0, 1 - abs(row - y)) * max(0, 1 - abs(column - x))
                    top[:, :, h, w] += weight * part[:, :, row, column]
    return top
