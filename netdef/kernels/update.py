"""The update rules of the solvers, each one pass over a parameter.

All take ``data`` (the parameter), ``diff`` (in: the gradient summed over ``iter_size`` batches; out: the update that
was subtracted from ``data``, as Caffe leaves it) and the rule's history, flat and of one dtype. Shared numbers:

- ``rate``: the learning rate times the parameter's lr_mult
- ``scale``: what the gradient is multiplied by first, for gradient clipping and ``iter_size``
- ``decay``, ``decay_l1``: weight decay times decay_mult, for L2 and for L1 regularization; the other one is 0

Each element depends on its own place only, so that any number of threads gives the same bits.
"""

from __future__ import annotations

import numpy as np

from netdef.kernels._jit import kernel, prange

LANES = 64  # fewer of them are not vectorized: 0.16 ms for the 431,080 gradients of LeNet in place of 0.05
CHUNK = 1 << 14  # elements that are summed apart, by whichever thread


@kernel
def _gradient(weight, diff, scale, decay, decay_l1):
    """``scale diff + decay w + decay_l1 sign(w)`` (sgd_solver.cpp:108-203)."""
    gradient = diff * scale + decay * weight
    if decay_l1 != 0:
        if weight > 0:
            gradient += decay_l1
        elif weight < 0:
            gradient -= decay_l1
    return gradient


@kernel(parallel=True)
def sgd(rate, momentum, scale, decay, decay_l1, history, diff, data):
    """``h := momentum h + rate g;  w := w - h`` (sgd_solver.cpp:225-237)."""
    for i in prange(data.size):
        gradient = _gradient(data[i], diff[i], scale, decay, decay_l1)
        update = momentum * history[i] + rate * gradient
        history[i] = update
        diff[i] = update
        data[i] -= update


@kernel(parallel=True)
def nesterov(rate, momentum, scale, decay, decay_l1, history, diff, data):
    """``h' := momentum h + rate g;  w := w - ((1 + momentum) h' - momentum h)`` (nesterov_solver.cpp:20-44)."""
    for i in prange(data.size):
        gradient = _gradient(data[i], diff[i], scale, decay, decay_l1)
        before = history[i]
        after = momentum * before + rate * gradient
        update = (data.dtype.type(1) + momentum) * after - momentum * before
        history[i] = after
        diff[i] = update
        data[i] -= update


@kernel(parallel=True)
def adagrad(rate, delta, scale, decay, decay_l1, history, diff, data):
    """``h := h + g²;  w := w - rate g / (√h + delta)`` (adagrad_solver.cpp:20-58)."""
    for i in prange(data.size):
        gradient = _gradient(data[i], diff[i], scale, decay, decay_l1)
        history[i] += gradient * gradient
        update = rate * (gradient / (np.sqrt(history[i]) + delta))
        diff[i] = update
        data[i] -= update


@kernel(parallel=True)
def rmsprop(rate, rms_decay, delta, scale, decay, decay_l1, history, diff, data):
    """``h := rms_decay h + (1 - rms_decay) g²;  w := w - rate g / (√h + delta)`` (rmsprop_solver.cpp:20-61)."""
    for i in prange(data.size):
        gradient = _gradient(data[i], diff[i], scale, decay, decay_l1)
        square = rms_decay * history[i] + (data.dtype.type(1) - rms_decay) * (gradient * gradient)
        history[i] = square
        update = rate * (gradient / (np.sqrt(square) + delta))
        diff[i] = update
        data[i] -= update


@kernel(parallel=True)
def adadelta(rate, momentum, delta, scale, decay, decay_l1, history, update_history, diff, data):
    """Steps whose size follows earlier steps (adadelta_solver.cpp:30-105).

    ``h := momentum h + (1 - momentum) g²;  u := g √((v + delta) / (h + delta));``
    ``v := momentum v + (1 - momentum) u²;  w := w - rate u``
    """
    for i in prange(data.size):
        gradient = _gradient(data[i], diff[i], scale, decay, decay_l1)
        rest = data.dtype.type(1) - momentum
        square = momentum * history[i] + rest * (gradient * gradient)
        step = gradient * np.sqrt((update_history[i] + delta) / (square + delta))
        history[i] = square
        update_history[i] = momentum * update_history[i] + rest * (step * step)
        update = rate * step
        diff[i] = update
        data[i] -= update


@kernel(parallel=True)
def adam(rate, momentum, momentum2, delta, scale, decay, decay_l1, mean, square, diff, data):
    """``m := β₁ m + (1 - β₁) g;  v := β₂ v + (1 - β₂) g²;  w := w - rate m / (√v + delta)``.

    ``rate`` carries the bias correction (adam_solver.cpp:25-70).
    """
    for i in prange(data.size):
        gradient = _gradient(data[i], diff[i], scale, decay, decay_l1)
        one = data.dtype.type(1)
        mean[i] = momentum * mean[i] + (one - momentum) * gradient
        square[i] = momentum2 * square[i] + (one - momentum2) * (gradient * gradient)
        update = rate * (mean[i] / (np.sqrt(square[i]) + delta))
        diff[i] = update
        data[i] -= update


@kernel
def sum_of_squares(values):
    """``Σ values²`` in float64: `LANES` partial sums side by side, which the processor takes several at a time."""
    lanes = np.zeros(LANES)
    whole = values.size // LANES * LANES
    for start in range(0, whole, LANES):
        row = values[start : start + LANES]
        for lane in range(LANES):
            value = np.float64(row[lane])
            lanes[lane] += value * value
    total = 0.0
    for lane in range(LANES):
        total += lanes[lane]
    for i in range(whole, values.size):
        total += np.float64(values[i]) * np.float64(values[i])
    return total


@kernel(parallel=True)
def sums_of_squares(values, partial):
    """`sum_of_squares` of each `CHUNK` of ``values``."""
    for chunk in prange(partial.size):
        partial[chunk] = sum_of_squares(values[chunk * CHUNK : min((chunk + 1) * CHUNK, values.size)])
