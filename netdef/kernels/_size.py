"""When threads pay, and how far apart they work."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from netdef.kernels._jit import has_threads

# Bytes between the working spaces of two threads. A processor fetches ahead up to the end of a page: that must not be
# what another one is writing, or both lose a fifth of their speed.
APART = 4096
PARALLEL_FROM = 1 << 16  # elements; below, waking the threads takes longer than one thread's work


def sized(function, count: int):
    """The parallel twin of ``function`` where it has ``count`` elements to pass, or more, else the serial one."""
    return function if count >= PARALLEL_FROM and has_threads() else function.serial


def slot_spaces(scratch: Callable, itemsize: int, key: str, slots: int, size: int) -> np.ndarray:
    """``(slots, size and some more)``: a working space of ``size`` elements for each slot, `APART` from the next.

    ``scratch(key, shape)`` returns an array of elements of ``itemsize`` bytes.
    """
    return scratch(key, (slots, size + APART // itemsize))
