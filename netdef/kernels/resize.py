"""Resizing 8-bit images by linear interpolation, to the bit as OpenCV's ``cv::resize`` does it.

Caffe resizes with OpenCV, so a net that was trained there expects these pixels (src/caffe/util/io.cpp:90).
Serial: it runs on the thread that reads ahead.
"""

from __future__ import annotations

import numpy as np

from netdef.kernels._jit import kernel

COEFFICIENT_BITS = 11  # weights are whole numbers of 1/2048
ROW_SHIFT = 4  # a sum over columns loses 4 bits before rows are weighted, and 16 and 2 after
ROUND = 2


@kernel
def tap(place, scale):
    """The source pixel left of (or above) output pixel ``place``, and how far past it the middle lies, in [0, 1)."""
    middle = np.float32((place + 0.5) * scale - 0.5)
    first = np.int64(np.floor(middle))
    return first, np.float32(middle - np.float32(first))


@kernel
def weights(fraction):
    """Whole-number weights of the two taps."""
    one = np.float32(1 << COEFFICIENT_BITS)
    return np.int64(np.rint((np.float32(1) - fraction) * one)), np.int64(np.rint(fraction * one))


@kernel
def halve(bottom, top):
    """Every pixel of ``top`` is the mean of 2 x 2 of ``bottom``, rounded; what OpenCV does at exactly half the size."""
    channels, height, width = top.shape
    for c in range(channels):
        for h in range(height):
            for w in range(width):
                total = np.int64(2)
                for y in range(2 * h, 2 * h + 2):
                    for x in range(2 * w, 2 * w + 2):
                        total += np.int64(bottom[c, y, x])
                top[c, h, w] = total >> 2


@kernel
def resize_linear(bottom, rows, top):
    """Resize ``bottom`` to ``top``'s size.

    bottom, top : uint8 ``(C, H, W)`` each; rows : int64 ``(2, top's W)``, working space. Middles of pixels are mapped
    to middles, two taps to an axis however much smaller the image becomes; beyond the border lies the border pixel.
    """
    channels, height, width = bottom.shape
    if height == 2 * top.shape[1] and width == 2 * top.shape[2]:
        halve(bottom, top)
        return
    scale_h, scale_w = height / top.shape[1], width / top.shape[2]
    for c in range(channels):
        for h in range(top.shape[1]):
            first, fraction = tap(h, scale_h)
            weight_0, weight_1 = weights(fraction)
            for k in range(2):
                row = bottom[c, min(max(first + k, 0), height - 1)]
                for w in range(top.shape[2]):
                    column, part = tap(w, scale_w)
                    if column < 0:
                        column, part = np.int64(0), np.float32(0)
                    if column >= width - 1:
                        column, part = np.int64(width - 1), np.float32(0)
                    left, right = weights(part)
                    rows[k, w] = left * np.int64(row[column]) + right * np.int64(row[min(column + 1, width - 1)])
            for w in range(top.shape[2]):
                value = (weight_0 * (rows[0, w] >> ROW_SHIFT)) >> 16
                value += (weight_1 * (rows[1, w] >> ROW_SHIFT)) >> 16
                top[c, h, w] = min(max((value + ROUND) >> 2, 0), 255)
