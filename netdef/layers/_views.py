"""Views of blobs: what `netdef.kernels.views` copies, with as few axes as describe it."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

import numpy as np

from netdef.kernels import views as kernels
from netdef.kernels._size import sized


class View:
    """Some elements of an array, in an order of their own.

    Parameters
    ----------
    shape, strides : sequences of int
        Size of each axis of the view, and elements from one place along it to the next.
    start : int
        Where the view begins.
    """

    def __init__(self, shape: Sequence[int], strides: Sequence[int], start: int = 0) -> None:
        merged = [(1, 1)]
        for size, stride in zip(shape, strides, strict=True):
            if merged[-1][1] == size * stride or merged[-1][0] == 1:  # one run of steps: one axis
                merged[-1] = (merged[-1][0] * size, stride)
            elif size != 1:
                merged.append((size, stride))
        self.count = prod(shape)
        self.start = start
        self.shape = np.array([size for size, _ in merged], np.int64)
        self.strides = np.array([stride for _, stride in merged], np.int64)

    def read(self, source: np.ndarray, target: np.ndarray) -> None:
        """Copy the view of ``source`` into ``target``."""
        if self.count:
            run = sized(kernels.read_view, self.count)
            run(source.reshape(-1), self.start, self.shape, self.strides, target.reshape(-1))

    def write(self, source: np.ndarray, target: np.ndarray) -> None:
        """Copy ``source`` into the view of ``target``."""
        if self.count:
            run = sized(kernels.write_view, self.count)
            run(source.reshape(-1), self.start, self.shape, self.strides, target.reshape(-1))


def steps(shape: Sequence[int]) -> list[int]:
    """Elements from one place to the next along each axis of an array of ``shape``."""
    return [prod(shape[axis + 1 :]) for axis in range(len(shape))]
