"""exp, sigmoid and tanh of many values: in vector registers for float32, by the library for float64.

``top`` may be ``bottom``; both are flat.
"""

from netdef.kernels import _wide_functions as wide
from netdef.kernels._jit import kernel
from netdef.kernels.exponential import exp, is_double, sigmoid, tanh

__all__ = ["exp_run", "sigmoid_run", "tanh_run"]


@kernel
def exp_run(bottom, first, count, top):
    """``top[i] = exp(bottom[i])`` for ``first <= i < first + count``."""
    if is_double(bottom.dtype.type(1)):
        for i in range(first, first + count):
            top[i] = exp(bottom[i])
    else:
        wide.exp_run(bottom, first, count, top)


@kernel
def sigmoid_run(bottom, first, count, top):
    """``top[i] = 1 / (1 + exp(-bottom[i]))`` for ``first <= i < first + count``."""
    if is_double(bottom.dtype.type(1)):
        for i in range(first, first + count):
            top[i] = sigmoid(bottom[i])
    else:
        wide.sigmoid_run(bottom, first, count, top)


@kernel
def tanh_run(bottom, first, count, top):
    """``top[i] = tanh(bottom[i])`` for ``first <= i < first + count``."""
    if is_double(bottom.dtype.type(1)):
        for i in range(first, first + count):
            top[i] = tanh(bottom[i])
    else:
        wide.tanh_run(bottom, first, count, top)
