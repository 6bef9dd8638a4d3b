"""Split, one value at a time."""

import numpy as np


def split_backward(top_diffs):
    bottom_diff = np.zeros_like(top_diffs[0])
    for index in np.ndindex(bottom_diff.shape):
        for top_diff in top_diffs:
            bottom_diff[index] += top_diff[index]
    return bottom_diff
