"""A small kernel for the tests of the cache, whose processes import it."""

from netdef.kernels._jit import kernel


@kernel
def running_sum(values):
    """The sum of ``values``, one after another."""
    total = values[0]
    for i in range(1, values.size):
        total += values[i]
    return total
