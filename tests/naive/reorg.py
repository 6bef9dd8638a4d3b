"""darknet's reorg as a walk over indices."""

import numpy as np


def reorg(bottom, stride, reverse):
    num, channels, height, width = bottom.shape
    few = channels // stride**2
    spread_shape = (num, few, height * stride, width * stride)
    spread = np.zeros(spread_shape) if reverse else bottom.reshape(spread_shape)
    packed = bottom if reverse else np.zeros(bottom.shape)
    for c in range(channels):
        for h in range(height):
            for w in range(width):
                row, column = h * stride + c // few // stride, w * stride + c // few % stride
                if reverse:
                    spread[:, c % few, row, column] = packed[:, c, h, w]
                else:
                    packed[:, c, h, w] = spread[:, c % few, row, column]
    if reverse:
        return spread
    return packed.reshape(num, channels * stride**2, height // stride, width // stride)
