"""Arrays of one value."""

from __future__ import annotations

from netdef.kernels._jit import kernel


@kernel
def clear(values):
    """``values[i] = 0``."""
    for i in range(values.size):
        values[i] = 0
