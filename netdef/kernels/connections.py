"""Filters that see some of the channels only."""

from __future__ import annotations

from netdef.kernels._jit import kernel


@kernel
def clear_unconnected(connected, values):
    """``values[m, c] = 0`` where ``connected[m, c]`` is 0; (num_output, channels, taps) and (num_output, channels)."""
    for m in range(values.shape[0]):
        for c in range(values.shape[1]):
            if connected[m, c] == 0:
                for tap in range(values.shape[2]):
                    values[m, c, tap] = 0
