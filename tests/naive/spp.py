"""SPP, bin by bin."""

from math import ceil

import numpy as np


def level_bins(size, bins):
    """Pixels (begin, end) of each bin, and the places it has, padding counted as far as it is in the padded image."""
    kernel = ceil(size / bins)
    pad = (kernel * bins - size + 1) // 2
    spans = []
    for i in range(bins):
        begin = i * kernel - pad
        end = min(begin + kernel, size + pad)
        spans.append((max(begin, 0), min(begin + kernel, size), end - begin))
    return spans


def spp(bottom, height, pool="MAX"):
    num, channels, rows, columns = bottom.shape
    levels = []
    for level in range(height):
        bins = 2**level
        top = np.zeros((num, channels, bins, bins))
        for i, (top_row, bottom_row, tall) in enumerate(level_bins(rows, bins)):
            for j, (left, right, wide) in enumerate(level_bins(columns, bins)):
                window = bottom[:, :, top_row:bottom_row, left:right].reshape(num, channels, -1)
                top[:, :, i, j] = window.max(axis=2) if pool == "MAX" else window.sum(axis=2) / (tall * wide)
        levels.append(top.reshape(num, -1))
    return levels[0].reshape(num, channels, 1, 1) if height == 1 else np.concatenate(levels, axis=1)
