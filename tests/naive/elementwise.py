"""Elementwise functions and their slopes, one value at a time in double precision."""

from math import exp, log

import numpy as np


def each(function, array, *others):
    """``function`` of every value, with the values of ``others`` at the same place."""
    result = np.zeros(array.shape)
    for index in np.ndindex(array.shape):
        result[index] = function(float(array[index]), *(float(other[index]) for other in others))
    return result


def absval():
    return abs, lambda x: (x > 0) - (x < 0)


def bnll():
    return (lambda x: log(1 + exp(x))), (lambda x: 1 / (1 + exp(-x)))


def clip(low, high):
    return (lambda x: min(max(x, low), high)), (lambda x: float(low <= x <= high))


def elu(alpha):
    return (lambda x: x if x > 0 else alpha * (exp(x) - 1)), (lambda x: 1.0 if x > 0 else alpha * exp(x))


def exponential(base, scale, shift):
    return (lambda x: base ** (shift + scale * x)), (lambda x: base ** (shift + scale * x) * scale * log(base))


def logarithm(base, scale, shift):
    return (lambda x: log(shift + scale * x) / log(base)), (lambda x: scale / (shift + scale * x) / log(base))


def relu6(slope):
    return (lambda x: min(x if x > 0 else slope * x, 6)), (lambda x: 0 if x >= 6 else 1 if x > 0 else slope)


def swish(beta):
    def sigmoid(x):
        return 1 / (1 + exp(-beta * x))

    return (lambda x: x * sigmoid(x)), (lambda x: sigmoid(x) + beta * x * sigmoid(x) * (1 - sigmoid(x)))


def threshold(bound):
    return (lambda x: float(x > bound)), None
