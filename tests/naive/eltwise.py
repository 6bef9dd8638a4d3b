"""Eltwise, one value at a time."""

import numpy as np


def eltwise(bottoms, operation, coeffs):
    top = np.zeros(bottoms[0].shape)
    for index in np.ndindex(top.shape):
        values = [float(bottom[index]) for bottom in bottoms]
        if operation == "PROD":
            top[index] = np.prod(values)
        elif operation == "SUM":
            top[index] = sum(coeff * value for coeff, value in zip(coeffs, values))
        else:
            top[index] = values[winner(values)]
    return top


def winner(values):
    """The bottom whose value a maximum takes."""
    best = 0 if values[0] > values[1] else 1
    for i in range(2, len(values)):
        if values[i] > values[best]:
            best = i
    return best


def eltwise_backward(bottoms, operation, coeffs, top_diff):
    diffs = [np.zeros(bottom.shape) for bottom in bottoms]
    for index in np.ndindex(top_diff.shape):
        values = [float(bottom[index]) for bottom in bottoms]
        for i, diff in enumerate(diffs):
            if operation == "PROD":
                slope = np.prod(values[:i] + values[i + 1 :])
            elif operation == "SUM":
                slope = coeffs[i]
            else:
                slope = float(winner(values) == i)
            diff[index] = slope * top_diff[index]
    return diffs
