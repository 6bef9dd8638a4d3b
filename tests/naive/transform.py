"""Slow, obvious twin of `netdef.kernels.transform`: one image at a time, one pixel at a time."""

from __future__ import annotations

import numpy as np


def transform(image, scale=1.0, mean=None, crop_size=0, offset=(0, 0), mirror=False, dtype=np.float32):
    """``(pixel - mean) * scale`` of a crop at ``offset`` (row, column); ``mean`` is a list of values or an image."""
    channels, height, width = image.shape
    if crop_size:
        height = width = crop_size
    result = np.zeros((channels, height, width), dtype)
    for c in range(channels):
        for y in range(height):
            for x in range(width):
                row, column = offset[0] + y, offset[1] + x
                level = 0.0
                if mean is not None:
                    level = mean[c] if np.ndim(mean) == 1 else mean[c, row, column]
                value = (dtype(image[c, row, column]) - dtype(level)) * dtype(scale)
                result[c, y, width - 1 - x if mirror else x] = value
    return result


def varint(value: int) -> bytes:
    """A number in protobuf's base-128 form; negative ones take 10 bytes."""
    value &= (1 << 64) - 1
    encoded = bytearray()
    while value >= 128:
        encoded.append(value & 127 | 128)
        value >>= 7
    encoded.append(value)
    return bytes(encoded)
