"""When threads pay."""

PARALLEL_FROM = 1 << 16  # elements; below, waking the threads takes longer than one thread's work


def sized(function, count: int):
    """The parallel twin of ``function`` where it has ``count`` elements to pass, else the serial one."""
    return function if count >= PARALLEL_FROM else function.serial
