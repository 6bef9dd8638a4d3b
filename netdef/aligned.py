"""Arrays that begin where a cache line does.

NumPy's begin 16 bytes behind one: each of their 64-byte vectors then lies in two lines, and takes two reads.
"""

from __future__ import annotations

from collections.abc import Callable
from math import prod

import numpy as np
from numpy.typing import DTypeLike

LINE = 64  # bytes

__all__ = ["LINE", "empty", "zeros"]


def empty(shape: int | tuple[int, ...], dtype: DTypeLike) -> np.ndarray:
    """`numpy.empty` on a cache line."""
    return _cut(np.empty, shape, dtype)


def zeros(shape: int | tuple[int, ...], dtype: DTypeLike) -> np.ndarray:
    """`numpy.zeros` on a cache line; the system gives its memory at the first touch, as there."""
    return _cut(np.zeros, shape, dtype)


def _cut(make: Callable, shape: int | tuple[int, ...], dtype: DTypeLike) -> np.ndarray:
    dtype = np.dtype(dtype)
    shape = shape if isinstance(shape, tuple) else (shape,)
    size = prod(shape) * dtype.itemsize
    room = make(size + LINE, np.uint8)
    first = -room.ctypes.data % LINE
    return room[first : first + size].view(dtype).reshape(shape)
