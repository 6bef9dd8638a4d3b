"""Inner product, one weight at a time; ``weight`` is (num_output, depth)."""

import numpy as np


def inner_product(items, weight, bias):
    top = np.zeros((len(items), len(weight)))
    for n, j in np.ndindex(*top.shape):
        top[n, j] = sum(float(x) * float(w) for x, w in zip(items[n], weight[j])) + (0 if bias is None else bias[j])
    return top


def inner_product_backward(items, weight, top_diff):
    """(bottom_diff, weight_diff, bias_diff)."""
    bottom_diff, weight_diff, bias_diff = np.zeros(items.shape), np.zeros(weight.shape), np.zeros(len(weight))
    for n, j in np.ndindex(*top_diff.shape):
        bias_diff[j] += top_diff[n, j]
        for k in range(items.shape[1]):
            bottom_diff[n, k] += float(top_diff[n, j]) * float(weight[j, k])
            weight_diff[j, k] += float(top_diff[n, j]) * float(items[n, k])
    return bottom_diff, weight_diff, bias_diff
