"""BatchReindex, Embed and Filter, row by row."""

import numpy as np


def batch_reindex(bottom, numbers):
    return np.array([bottom[int(number)] for number in numbers])


def batch_reindex_backward(bottom_shape, numbers, top_diff):
    diff = np.zeros(bottom_shape)
    for number, row in zip(numbers, top_diff, strict=True):
        diff[int(number)] += row
    return diff


def embed(numbers, weight, bias=None):
    top = np.zeros((*numbers.shape, weight.shape[1]))
    for index in np.ndindex(*numbers.shape):
        for k in range(weight.shape[1]):
            top[index][k] = weight[int(numbers[index]), k] + (0 if bias is None else bias[k])
    return top


def embed_backward(numbers, weight_shape, top_diff):
    """Gradients with respect to weight and bias."""
    weight_diff, bias_diff = np.zeros(weight_shape), np.zeros(weight_shape[1])
    for index in np.ndindex(*numbers.shape):
        weight_diff[int(numbers[index])] += top_diff[index]
        bias_diff += top_diff[index]
    return weight_diff, bias_diff


def filter_items(bottom, selector):
    return np.array([item for item, kept in zip(bottom, selector, strict=True) if kept]).reshape(-1, *bottom.shape[1:])


def filter_backward(bottom_shape, selector, top_diff):
    diff = np.zeros(bottom_shape)
    rows = iter(top_diff)
    for n, kept in enumerate(selector):
        if kept:
            diff[n] = next(rows)
    return diff
