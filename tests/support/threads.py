"""Holds a kernel's parallel twin, on every number of threads, against its serial one, bit by bit."""

from __future__ import annotations

import numpy as np

from netdef.kernels._jit import available_threads, set_threads


def assert_same_bits(kernel, *arguments) -> None:
    """Arrays among the arguments are copied for each run, and all of them compared after it, with the result."""
    expected = _run(kernel.serial, arguments)
    try:
        for threads in range(1, min(available_threads(), 4) + 1):
            set_threads(threads)
            pairs = zip(_run(kernel, arguments), expected, strict=True)
            for position, (got, want) in enumerate(pairs):
                what = f"argument {position}" if position < len(arguments) else "the result"
                assert np.array_equal(got, want, equal_nan=True), f"{what} differs on {threads} threads"
    finally:
        set_threads(available_threads())


def _run(kernel, arguments) -> list:
    copies = [argument.copy() if isinstance(argument, np.ndarray) else argument for argument in arguments]
    result = kernel(*copies)
    return [*copies, np.nan if result is None else np.asarray(result)]
