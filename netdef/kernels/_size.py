"""When threads pay."""

from netdef.kernels._jit import has_threads

PARALLEL_FROM = 1 << 16  # elements; below, waking the threads takes longer than one thread's work


def sized(function, count: int):
    """The parallel twin of ``function`` where it has ``count`` elements to pass, or more, else the serial one."""
    return function if count >= PARALLEL_FROM and has_threads() else function.serial
