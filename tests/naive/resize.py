"""Linear interpolation between the middles of pixels, in floats, pixel by pixel."""

import numpy as np


def resize(image, height, width):
    """``(C, H, W)`` as float ``(C, height, width)``."""
    channels, old_height, old_width = image.shape
    out = np.zeros((channels, height, width))
    for h in range(height):
        for w in range(width):
            y = min(max((h + 0.5) * old_height / height - 0.5, 0), old_height - 1)
            x = min(max((w + 0.5) * old_width / width - 0.5, 0), old_width - 1)
            top, left = int(y), int(x)
            bottom, right = min(top + 1, old_height - 1), min(left + 1, old_width - 1)
            above = image[:, top, left] * (1 - (x - left)) + image[:, top, right] * (x - left)
            below = image[:, bottom, left] * (1 - (x - left)) + image[:, bottom, right] * (x - left)
            out[:, h, w] = above * (1 - (y - top)) + below * (y - top)
    return out
