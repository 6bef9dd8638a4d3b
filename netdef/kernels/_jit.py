"""The one place that knows Numba's options.

``@kernel`` compiles a plain function: serial, without the GIL, cached on disk, IEEE arithmetic kept
(fastmath would turn ``isnan`` into False). ``@kernel(parallel=True)`` gives a function with twins:
``f(...)`` or ``f.parallel(...)`` spreads its ``prange`` loops over the threads, and ``f.serial(...)`` runs
the same body on the calling thread, which is cheaper than waking threads when there is little to do.
With ``NUMBA_DISABLE_JIT=1`` everything runs as ordinary Python.
"""

from __future__ import annotations

import functools
import os
import types
from collections.abc import Callable

import llvmlite.binding as llvm
import numba
import numpy as np
from numba import prange
from numba.core import sigutils
from numba.core.ccallback import CFunc

from netdef.kernels._cache import KernelCache

__all__ = [
    "available_threads",
    "compile_twins",
    "has_threads",
    "kernel",
    "num_threads",
    "prange",
    "set_threads",
    "symbol",
]

# OpenMP's threads spin at the end of a parallel loop until the last one is done. With another busy process on the
# machine they spin away the time that the last one waits for: a training step took 100 ms instead of 14 (two cores,
# LeNet). Sleeping at once costs 5 % of a step on a machine of one's own; spinning for some microseconds first, which
# GNU's OpenMP can be told to do, costs neither. OpenMP reads both when it is loaded.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
os.environ.setdefault("GOMP_SPINCOUNT", "4000")

DISPATCHERS: list = []  # every compiled function, twins included
_SYMBOLS: list = []
_OPTIONS = {"nogil": True, "fastmath": False, "error_model": "numpy", "boundscheck": False}


def kernel(function: Callable | None = None, *, parallel: bool = False):
    """Compile ``function`` at its first call for each set of argument types; see the module."""
    if function is None:
        return lambda decorated: kernel(decorated, parallel=parallel)
    if numba.config.DISABLE_JIT:
        return _interpreted(function)
    compiled = _cached(numba.njit(parallel=parallel, **_OPTIONS)(function))
    if parallel:
        compiled.serial = _cached(numba.njit(**_OPTIONS)(_renamed(function, "serial")))
        compiled.parallel = compiled
    return compiled


def _cached(compiled):
    """Let a dispatcher look for its compiled forms in our cache; `netdef.kernels._cache` tells why not in Numba's."""
    compiled._cache = KernelCache(compiled.py_func)
    DISPATCHERS.append(compiled)
    return compiled


def symbol(name: str, signature) -> Callable:
    """Compile a function at once, for one signature, as the C function ``name`` that other kernels' code may call.

    What a kernel calls is otherwise compiled into it, again for each of its callers: too long for large bodies.
    """

    def decorate(function: Callable) -> Callable:
        compiled = CFunc(function, sigutils.normalize_signature(signature), {}, {})
        compiled._cache = KernelCache(function)
        compiled.compile()
        llvm.add_symbol(name, compiled.address)
        _SYMBOLS.append(compiled)  # its code lives as long as it does
        return function

    return decorate


def compile_twins() -> None:
    """Compile each pair of twins for all argument types that either of them has been called with."""
    for compiled in list(DISPATCHERS):
        twin = getattr(compiled, "serial", None)
        if twin is not None:
            for types_of_arguments in {*compiled.signatures, *twin.signatures}:
                compiled.compile(types_of_arguments)
                twin.compile(types_of_arguments)


def _interpreted(function: Callable) -> Callable:
    """The function as it is, as silent about overflow and division by zero as compiled code."""

    @functools.wraps(function)
    def quiet(*arguments):
        with np.errstate(all="ignore"):
            return function(*arguments)

    quiet.serial = quiet.parallel = quiet
    return quiet


def _renamed(function: Callable, suffix: str) -> Callable:
    """A copy under another name: Numba's cache tells functions apart by name, not by options."""
    copy = types.FunctionType(
        function.__code__, function.__globals__, function.__name__, function.__defaults__, function.__closure__
    )
    copy.__qualname__ = f"{function.__qualname__}__{suffix}"
    copy.__name__ = f"{function.__name__}__{suffix}"
    copy.__module__ = function.__module__
    copy.__doc__ = function.__doc__
    return copy


def set_threads(count: int) -> None:
    """Let kernels use ``count`` threads from now on, at least 1 and at most `available_threads`."""
    numba.set_num_threads(count)


def num_threads() -> int:
    """The number of threads that kernels use now."""
    return numba.get_num_threads()


_lost_threads = False


def has_threads() -> bool:
    """Whether parallel twins may be called.

    A forked process has none of its parent's threads, and GNU OpenMP ends it when it asks for them.
    """
    return not _lost_threads


def _after_fork() -> None:
    global _lost_threads
    try:
        numba.threading_layer()
    except ValueError:  # no parallel kernel has run yet: the child may start threads of its own
        return
    _lost_threads = True


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


def available_threads() -> int:
    """The number of threads that kernels can use: the cores, unless ``NUMBA_NUM_THREADS`` says otherwise."""
    return numba.config.NUMBA_NUM_THREADS
