"""The activations of one number, and their slopes there."""

import math


def relu(x, negative_slope=0.0):
    return x if x > 0 else negative_slope * x


def relu_slope(x, negative_slope=0.0):
    return 1.0 if x > 0 else negative_slope


def sigmoid(x):
    return 1 / (1 + math.exp(-x)) if x >= 0 else math.exp(x) / (1 + math.exp(x))


def sigmoid_slope(x):
    return sigmoid(x) * (1 - sigmoid(x))


def tanh(x):
    return math.tanh(x)


def tanh_slope(x):
    return 1 - math.tanh(x) ** 2


def scaled_tanh(x, amplitude=1.7159, slope=2 / 3):
    return amplitude * math.tanh(slope * x)


def scaled_tanh_slope(x, amplitude=1.7159, slope=2 / 3):
    return amplitude * slope * (1 - math.tanh(slope * x) ** 2)
