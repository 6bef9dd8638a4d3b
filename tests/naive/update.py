"""The update rules of the solvers, one element after the other, in Python floats.

Each returns ``(data, update, histories)`` after one step; ``gradient`` is what is left after clipping, normalizing and
regularizing (`regularized`).
"""

from __future__ import annotations

from math import copysign, sqrt


def regularized(weight, diff, scale, decay, decay_l1):
    sign = copysign(1, weight) if weight else 0
    return diff * scale + decay * weight + decay_l1 * sign


def sgd(weight, gradient, rate, momentum, history):
    history = momentum * history + rate * gradient
    return weight - history, history, (history,)


def nesterov(weight, gradient, rate, momentum, history):
    before, history = history, momentum * history + rate * gradient
    update = (1 + momentum) * history - momentum * before
    return weight - update, update, (history,)


def adagrad(weight, gradient, rate, delta, history):
    history += gradient**2
    update = rate * gradient / (sqrt(history) + delta)
    return weight - update, update, (history,)


def rmsprop(weight, gradient, rate, rms_decay, delta, history):
    history = rms_decay * history + (1 - rms_decay) * gradient**2
    update = rate * gradient / (sqrt(history) + delta)
    return weight - update, update, (history,)


def adadelta(weight, gradient, rate, momentum, delta, squares, updates):
    squares = momentum * squares + (1 - momentum) * gradient**2
    step = gradient * sqrt((updates + delta) / (squares + delta))
    updates = momentum * updates + (1 - momentum) * step**2
    return weight - rate * step, rate * step, (squares, updates)


def adam(weight, gradient, rate, momentum, momentum2, delta, mean, square):
    mean = momentum * mean + (1 - momentum) * gradient
    square = momentum2 * square + (1 - momentum2) * gradient**2
    update = rate * mean / (sqrt(square) + delta)
    return weight - update, update, (mean, square)
