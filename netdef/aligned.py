"""Arrays that begin where a cache line does, those of middling size on huge pages.

NumPy's begin 16 bytes behind one: each of their 64-byte vectors then lies in two lines, and takes two reads. And NumPy
asks for huge pages for arrays of 4 MiB and more alone, while a net's other arrays have more small pages together than
the processor remembers: a training step of LeNet took 3 % longer.
"""

from __future__ import annotations

import mmap
from collections.abc import Callable
from math import prod
from threading import Lock

import numpy as np
from numpy.typing import DTypeLike

LINE = 64  # bytes
SLAB = 16 << 20  # bytes that are taken from the system at a time for arrays between the two sizes below
LEAST, MOST = 1 << 15, 1 << 22  # bytes

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
    room = _slabs.take(size + LINE) if LEAST <= size < MOST else None
    if room is None:
        room = make(size + LINE, np.uint8)
    first = -room.ctypes.data % LINE
    return room[first : first + size].view(dtype).reshape(shape)


class _Slabs:
    """Memory that arrays get one after another, and that goes back to the system when the last of them is gone."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._room: np.ndarray | None = None  # what is left of the last slab
        self._are_there = hasattr(mmap, "MADV_HUGEPAGE")

    def take(self, size: int) -> np.ndarray | None:
        """So many bytes, all of them 0, or None where the system has no huge pages."""
        with self._lock:
            if self._are_there and (self._room is None or self._room.size < size):
                self._room = self._new()
            if not self._are_there:
                return None
            taken, self._room = self._room[:size], self._room[size:]
            return taken

    def _new(self) -> np.ndarray | None:
        try:
            slab = mmap.mmap(-1, SLAB, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
            slab.madvise(mmap.MADV_HUGEPAGE)
        except OSError:
            self._are_there = False
            return None
        return np.frombuffer(slab, np.uint8)


_slabs = _Slabs()
