"""Blobs: the arrays that flow through a net.

A blob is a shape and two arrays, ``data`` (values) and ``diff`` (gradient of the loss). Memory appears at the
first touch, so a net of any size can be built for its shapes alone. Blobs may share memory and still have
shapes of their own (Split, Reshape, shared parameters).
Source: Caffe include/caffe/blob.hpp, src/caffe/blob.cpp.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from math import prod
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import DTypeLike

from netdef import aligned
from netdef.errors import NetError

if TYPE_CHECKING:
    from netdef.sharing import Pool

MAX_ELEMENTS = 2**31 - 1  # blob.cpp:31: a blob's count must fit a C int


class Memory:
    """One flat buffer that several blobs may look at. ``version`` changes when the buffer is replaced.

    ``Memory.changes`` counts, over all blobs, whatever gives one another shape or other memory, and forks: while it
    stands still, arrays that were taken from blobs are those that the blobs would give again. What a ``stale`` buffer
    holds counts as zeros, which it will be filled with at the next look.
    """

    __slots__ = ("flat", "version", "filler", "stale", "is_lent", "_pool")
    changes = 0

    def __init__(self) -> None:
        self.flat: np.ndarray | None = None
        self.version = 0
        self.filler: Callable[[np.ndarray], None] | None = None
        self.stale = False
        self.is_lent = False  # whether the buffer belongs to somebody else, who fills it
        self._pool: Pool | None = None

    def borrow_from(self, pool: Pool) -> None:
        """Take buffers from ``pool`` from now on; a buffer of its own, which somebody filled already, stays."""
        if self.flat is None or self._pool is not None:
            self._pool = pool
            self.replace(None)

    def replace(self, flat: np.ndarray | None) -> None:
        self.flat = flat
        self.version += 1
        Memory.changes += 1

    def reserve(self, count: int, dtype: np.dtype) -> np.ndarray:
        """At least ``count`` elements; a new, zeroed buffer where the old one is too small."""
        if self.flat is None or self.flat.size < count:
            self.replace(self._pool.take(count, dtype) if self._pool else aligned.zeros(count, dtype))
        return self.flat


def _count_fork() -> None:
    Memory.changes += 1


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_count_fork)


class Blob:
    """An N-dimensional array of values and gradients.

    Parameters
    ----------
    shape : tuple of int
        Sizes of the axes, ``(num, channels, height, width)`` for images; ``()`` is a scalar.
    dtype : numpy dtype
        ``float32``, or ``float64`` for gradient checks.
    """

    __slots__ = ("dtype", "_shape", "_count", "_data_memory", "_diff_memory", "_data", "_diff", "_versions")

    def __init__(self, shape: tuple[int, ...] = (), dtype: DTypeLike = np.float32) -> None:
        self.dtype = np.dtype(dtype)
        self._data_memory = Memory()
        self._diff_memory = Memory()
        self._versions = [-1, -1]
        self._data: np.ndarray | None = None
        self._diff: np.ndarray | None = None
        self._shape: tuple[int, ...] = ()
        self._count = 1
        self.reshape(shape)

    # -- shape ---------------------------------------------------------------------------------------------

    @property
    def shape(self) -> tuple[int, ...]:
        return self._shape

    @property
    def count(self) -> int:
        """Number of elements."""
        return self._count

    def count_from(self, start: int, end: int | None = None) -> int:
        """Number of elements of the axes ``start`` up to, not including, ``end``."""
        return prod(self._shape[start:end])

    def reshape(self, *shape: int | Sequence[int]) -> None:
        """Give the blob another shape; values stay where memory suffices, else they become zeros.

        Takes ``reshape(2, 3, 4)`` as well as ``reshape((2, 3, 4))``.
        """
        if len(shape) == 1 and not isinstance(shape[0], (int, np.integer)):
            shape = shape[0]
        shape = tuple(map(int, shape))
        if shape == self._shape:
            return
        count = prod(shape)
        if any(size < 0 for size in shape) or count > MAX_ELEMENTS:
            raise NetError(
                f"a blob of shape {shape} was asked for; sizes must be 0 or more "
                f"and their product at most {MAX_ELEMENTS}. Check the sizes that lead to it."
            )
        self._shape = shape
        self._count = count
        self._data = self._diff = None
        Memory.changes += 1

    def reshape_like(self, other: Blob) -> None:
        self.reshape(other._shape)

    def canonical_axis(self, axis: int) -> int:
        """``axis`` with negative ones counted from the end; NetError where there is no such axis."""
        axes = len(self._shape)
        if not -axes <= axis < axes:
            raise NetError(
                f"axis {axis} of a blob of shape {self._shape} was asked for; "
                f"it has {axes} axes. Name one from {-axes} to {axes - 1}."
            )
        return axis % axes

    def legacy_shape(self, axis: int) -> int:
        """Size of one of the four axes that blobs once had; missing axes have size 1 (blob.hpp:160)."""
        if len(self._shape) > 4:
            raise NetError(
                f"num, channels, height and width were asked of a blob of shape {self._shape}; "
                "they exist for up to 4 axes. Use shape instead."
            )
        return self._shape[axis] if axis < len(self._shape) else 1

    @property
    def num(self) -> int:
        return self.legacy_shape(0)

    @property
    def channels(self) -> int:
        return self.legacy_shape(1)

    @property
    def height(self) -> int:
        return self.legacy_shape(2)

    @property
    def width(self) -> int:
        return self.legacy_shape(3)

    # -- memory --------------------------------------------------------------------------------------------

    @property
    def data(self) -> np.ndarray:
        """The values, an array of the blob's shape; writing into it writes into the blob."""
        memory = self._data_memory
        if self._data is None or self._versions[0] != memory.version:
            flat = memory.reserve(self._count, self.dtype)
            self._data = flat[: self._count].reshape(self._shape)
            self._versions[0] = memory.version
        if memory.filler is not None:
            filler, memory.filler = memory.filler, None
            filler(self._data)
        return self._data

    @property
    def diff(self) -> np.ndarray:
        """The gradient of the loss with respect to ``data``, an array of the same shape."""
        memory = self._diff_memory
        if self._diff is None or self._versions[1] != memory.version:
            flat = memory.reserve(self._count, self.dtype)
            self._diff = flat[: self._count].reshape(self._shape)
            self._versions[1] = memory.version
        if memory.stale:
            memory.stale = False
            memory.flat.fill(0)
        return self._diff

    def clear_diff_later(self) -> None:
        """Make the gradient zero, at the latest when somebody looks at it: `open_diff` may spare the writing."""
        self._diff_memory.stale = self.has_diff

    def open_diff(self) -> tuple[np.ndarray, bool]:
        """(the gradient, whether what it holds counts), for whoever adds to all of it.

        Where it does not count it was to be cleared, and each of its elements must be written now.
        """
        memory = self._diff_memory
        overwrite = memory.stale and self.owns_diff
        if overwrite:
            memory.stale = False
        return self.diff, not overwrite

    @property
    def data_memory(self) -> Memory:
        """What holds the values: one and the same for blobs that share them."""
        return self._data_memory

    @property
    def diff_memory(self) -> Memory:
        """What holds the gradient."""
        return self._diff_memory

    @property
    def owns_diff(self) -> bool:
        """Whether the memory of the gradient holds nothing else, as far as there is any."""
        flat = self._diff_memory.flat
        return flat is None or flat.size == self._count

    @property
    def has_data(self) -> bool:
        """Whether the values have memory already."""
        return self._data_memory.flat is not None

    @property
    def has_diff(self) -> bool:
        """Whether the gradient has memory already."""
        return self._diff_memory.flat is not None

    @property
    def nbytes(self) -> int:
        """Bytes of the values alone, whether they have memory yet or not."""
        return self._count * self.dtype.itemsize

    def fill_later(self, filler: Callable[[np.ndarray], None]) -> None:
        """Have ``filler(data)`` called at the first read of ``data``."""
        self._data_memory.filler = filler

    def forget_filler(self) -> None:
        """Called by whoever is about to write all of ``data``: the first values would be lost anyway."""
        self._data_memory.filler = None

    def share_data(self, other: Blob) -> None:
        """Look at the values of ``other``, which must have as many elements."""
        self._check_count(other)
        if self._data_memory is not other._data_memory:
            self._data_memory = other._data_memory
            self._data = None
            Memory.changes += 1

    def share_diff(self, other: Blob) -> None:
        """Look at the gradient of ``other``, which must have as many elements."""
        self._check_count(other)
        if self._diff_memory is not other._diff_memory:
            self._diff_memory = other._diff_memory
            self._diff = None
            Memory.changes += 1

    def shares_data_with(self, other: Blob) -> bool:
        return self._data_memory is other._data_memory

    def set_data(self, array: np.ndarray) -> None:
        """Look at the memory of ``array`` (C-contiguous, of the blob's dtype and count) from now on.

        So do the blobs that share data with this one (syncedmem.cpp, set_cpu_data).
        """
        self._data_memory.replace(array.reshape(-1))
        self._data_memory.is_lent = True

    def copy_data(self, array: np.ndarray) -> None:
        """Take over the values of ``array``, which has the blob's count, into memory of its own."""
        memory = self._data_memory
        if memory.is_lent:
            memory.replace(None)
            memory.is_lent = False
        self.forget_filler()
        self.data[...] = array

    def _check_count(self, other: Blob) -> None:
        if self._count != other._count:
            raise NetError(
                f"a blob of shape {self._shape} cannot share memory with one of shape {other._shape}; "
                f"they have {self._count} and {other._count} elements. Give both the same number."
            )

    def __repr__(self) -> str:
        return f"<Blob {self._shape} {self.dtype.name}>"
