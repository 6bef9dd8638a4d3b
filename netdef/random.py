"""Random numbers whose state is two integers, so that a snapshot can hold it.

Draw ``i`` of a stream is a hash of ``(key, i)``: kernels compute it in parallel and get the same bits on any
number of threads (`netdef.kernels.random` holds the compiled twin of `mix`). The hash is SplitMix64's
finaliser (Steele, Lea and Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014).
"""

from __future__ import annotations

import os
import struct

import numpy as np

_MASK = (1 << 64) - 1
_GOLDEN = 0x9E3779B97F4A7C15


def mix(key: int, counter: int) -> int:
    """64 well-mixed bits of ``(key, counter)``."""
    z = (key + (counter + 1) * _GOLDEN) & _MASK
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & _MASK
    return z ^ (z >> 31)


def derive_seed(seed: int, *labels: str | int) -> int:
    """A 63-bit seed for one purpose (a layer, a parameter) out of the run's seed."""
    state = mix(seed & _MASK, 0)
    for label in labels:
        for byte in str(label).encode():
            state = mix(state, byte)
        state = mix(state, 256)
    return state >> 1


class Stream:
    """A sequence of draws with a position.

    ``key`` (uint64) names the sequence and ``counter`` (uint64) the next draw.
    """

    __slots__ = ("key", "counter")

    def __init__(self, seed: int, counter: int = 0) -> None:
        self.key = mix(seed & _MASK, 0)
        self.counter = counter

    def take(self, count: int = 1) -> int:
        """The counter of the first of ``count`` draws, which the caller makes (in a kernel, say)."""
        first = self.counter
        self.counter = (first + count) & _MASK
        return first

    def bits(self) -> int:
        """64 random bits."""
        return mix(self.key, self.take())

    def uniform(self) -> float:
        """A float in [0, 1)."""
        return (self.bits() >> 11) * 2.0**-53

    def integers(self, bound: int) -> int:
        """An int in [0, bound)."""
        return (self.bits() * bound) >> 64

    def generator(self) -> np.random.Generator:
        """A NumPy generator that depends on the stream's present position only; advances by one draw."""
        return np.random.Generator(np.random.Philox(key=self.bits()))

    def state(self) -> bytes:
        return struct.pack("<QQ", self.key, self.counter)

    def restore(self, state: bytes) -> None:
        self.key, self.counter = struct.unpack("<QQ", state)


_default_seed: int | None = None


def set_default_seed(seed: int | None) -> None:
    """The seed of nets that are built without one; None goes back to the operating system's randomness."""
    global _default_seed
    _default_seed = seed


def default_seed() -> int:
    """The seed set by `set_default_seed`, else a fresh one from the operating system."""
    if _default_seed is not None:
        return _default_seed
    return int.from_bytes(os.urandom(8), "little") >> 1
