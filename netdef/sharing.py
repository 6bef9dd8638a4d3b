"""Tops that share memory: once its last reader is done, a blob's memory holds a later one.

A pass then needs as much memory as the blobs that live at the same time, not as much as all of them. Blobs that keep
theirs: the net's inputs and outputs, those that the user names, and those that layers without a bottom or written
in Python fill.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np

from netdef import aligned
from netdef.blob import Blob
from netdef.errors import NetError, suggestion

if TYPE_CHECKING:
    from netdef.net import Net


class Pool:
    """Buffers that memories take at their first touch and give back when no blob needs them any more."""

    def __init__(self) -> None:
        self.is_open = True
        self._free: list[np.ndarray] = []
        self._lent: dict[int, np.ndarray] = {}

    def take(self, count: int, dtype: np.dtype) -> np.ndarray:
        """The smallest free buffer with room for ``count`` elements, or a new one; a new one if it is closed."""
        if not self.is_open:
            return aligned.zeros(count, dtype)
        fitting = [flat for flat in self._free if flat.size >= count]
        flat = min(fitting, key=lambda buffer: buffer.size) if fitting else aligned.zeros(count, dtype)
        self._free = [buffer for buffer in self._free if buffer is not flat]
        self._lent[id(flat)] = flat
        return flat

    def give(self, flat: np.ndarray | None) -> None:
        """Take back a buffer; what was not lent is left alone."""
        if id(flat) in self._lent:
            self._free.append(self._lent.pop(id(flat)))


class LentBlob:
    """What a user sees of a blob whose memory others share: all but its values, of which reading raises NetError."""

    __slots__ = ("_name", "_blob")

    def __init__(self, name: str, blob: Blob) -> None:
        self._name, self._blob = name, blob

    def __getattr__(self, name: str) -> Any:
        return getattr(self._blob, name)

    @property
    def data(self) -> np.ndarray:
        self._refuse()

    @property
    def diff(self) -> np.ndarray:
        self._refuse()

    def _refuse(self) -> NoReturn:
        raise NetError(
            f'the values of blob "{self._name}" are gone: the net was built with share_memory, and later blobs took '
            f'their place. Build it with keep=["{self._name}"] as well, or without share_memory.'
        )

    def __repr__(self) -> str:
        return repr(self._blob)


class Sharing:
    """How the blobs of one net share memory, which each call names.

    Parameters
    ----------
    net : Net
        Built, and without memory for its tops yet.
    keep : iterable of str
        Names of blobs that keep memory of their own.

    Raises
    ------
    NetError
        When there is no blob of such a name.
    """

    def __init__(self, net: Net, keep: Iterable[str]) -> None:
        named = net.named_blobs()
        names = {name for name, _ in named}
        kept = {*net.inputs, *net.outputs, *keep}
        unknown = next((name for name in sorted(kept) if name not in names), None)
        if unknown is not None:
            raise NetError(f'the net has no blob "{unknown}" to keep.{suggestion(unknown, names)}')
        self._last_use: dict[int, int] = {}
        for index, step in enumerate(net.steps):
            step.needs_backward = step.layer.needs_backward = False
            self._last_use.update(dict.fromkeys(map(id, step.bottom + step.top), index))
            if step.layer.is_data or not step.bottom:
                kept.update(net.step_tops(step))
        self._blobs = [blob for _, blob in named]
        self._kept = {id(blob) for name, blob in named if name in kept}
        self._pool = Pool()
        self._planned: list[tuple[int, ...]] | None = None
        self._next = 0
        self.seen = {name: blob if name in kept else LentBlob(name, blob) for name, blob in named}

    def run(self, net: Net) -> float:
        """A forward pass, step by step; the first one of new shapes settles which blobs share."""
        last, self._next = len(net.steps) - 1, 0
        if self._planned == self._shapes():
            return net.run_steps(0, last)
        self._pool = pool = Pool()
        for memory in {blob.data_memory for blob in self._blobs if id(blob) not in self._kept}:
            memory.borrow_from(pool)
        loss = 0.0
        for index, step in enumerate(net.steps):
            loss = net.run_steps(index, index, loss)
            self._give_back(index, step.bottom + step.top)
        pool.is_open = False
        self._planned = self._shapes()
        return loss

    def run_part(self, net: Net, start: int, end: int) -> float:
        """`Net.run_steps`; NetError unless the steps begin the net or follow those of the last call."""
        if start not in (0, self._next):
            raise NetError(
                f'a pass cannot begin with layer "{net.layer_names[start]}": the net was built with share_memory, '
                "and the values that the layer reads are gone. Begin with the first layer, or build it without "
                "share_memory."
            )
        self._next = end + 1
        return net.run_steps(start, end)

    def refuse_backward(self) -> NoReturn:
        raise NetError(
            "the net was built with share_memory, which keeps no values for a backward pass. "
            "Build it without share_memory."
        )

    def _shapes(self) -> list[tuple[int, ...]]:
        return [blob.shape for blob in self._blobs]

    def _give_back(self, index: int, blobs: Sequence[Blob]) -> None:
        """Give the memories of ``blobs`` back for which step ``index`` is the last that uses any blob in them."""
        for memory in {blob.data_memory for blob in blobs}:
            users = [id(blob) for blob in self._blobs if blob.data_memory is memory]
            if all(self._last_use.get(user, -1) <= index and user not in self._kept for user in users):
                self._pool.give(memory.flat)
