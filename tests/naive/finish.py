"""BatchNorm, Scale and ReLU value by value."""

import numpy as np


def finish(data, mean, deviation, factor, term, slope):
    """``relu((data - mean) / deviation * factor + term)`` of an array (num, channels, height, width)."""
    result = np.empty_like(data)
    for n, c, h, w in np.ndindex(data.shape):
        value = (data[n, c, h, w] - mean[c]) / deviation[c] * factor[c] + term[c]
        result[n, c, h, w] = value if value > 0 else slope * value
    return result
