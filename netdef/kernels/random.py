"""Counter-based random numbers inside kernels: the compiled twin of `netdef.random.mix`."""

from __future__ import annotations

import numpy as np

from netdef.kernels._jit import kernel

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_FIRST = np.uint64(0xBF58476D1CE4E5B9)
_SECOND = np.uint64(0x94D049BB133111EB)


@kernel
def hash_bits(key, counter):
    """64 mixed bits of ``(key, counter)``, both uint64. SplitMix64's finaliser."""
    z = key + (counter + np.uint64(1)) * _GOLDEN
    z = (z ^ (z >> np.uint64(30))) * _FIRST
    z = (z ^ (z >> np.uint64(27))) * _SECOND
    return z ^ (z >> np.uint64(31))


@kernel
def hash_uniform(key, counter):
    """A float64 in [0, 1) out of ``(key, counter)``, both uint64."""
    return np.float64(hash_bits(key, counter) >> np.uint64(11)) * 1.1102230246251565e-16
