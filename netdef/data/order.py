"""In which order a data layer reads its items, epoch by epoch, and how that is carried over a snapshot."""

from __future__ import annotations

import struct

import numpy as np

from netdef.errors import DataError
from netdef.random import Stream

_STATE = struct.Struct("<QQQQ")  # items, position, and the counter and key of the order


class ReadingOrder:
    """Positions 0, 1, 2 … of a list of ``count`` items, again and again, or in a new random order each time.

    Attributes: ``position`` (of the next item, from 0 to ``count``), ``restarts`` (how often the list began anew).
    The random order depends on where ``stream`` stood when it was drawn, which is all that a state has to hold.
    """

    def __init__(self, count: int, shuffle: bool, stream: Stream) -> None:
        self.count = count
        self.shuffle = shuffle
        self.stream = stream
        self.position = 0
        self.restarts = 0
        self._begin()

    def _begin(self) -> None:
        self._drawn = Stream(0)
        self._drawn.restore(self.stream.state())
        self._order = self._draw(self.stream)

    def _draw(self, stream: Stream) -> np.ndarray | None:
        if not self.shuffle:
            return None
        # The bits of a bit generator are promised to stay the same in all releases of NumPy; a permutation is not.
        return np.argsort(np.random.Philox(key=stream.bits()).random_raw(self.count), kind="stable")

    def next(self) -> int:
        """The item to read; after the last the list begins anew."""
        if self.position == self.count:
            self.position = 0
            self.restarts += 1
            self._begin()
        item = self.position if self._order is None else int(self._order[self.position])
        self.position += 1
        return item

    def skip(self, count: int) -> None:
        """Pass over the next ``count`` items."""
        for _ in range(count):
            self.next()

    def current(self) -> int:
        """The item that was read last, or the first one before anything was read."""
        position = max(self.position - 1, 0)
        return position if self._order is None else int(self._order[position])

    def state(self) -> bytes:
        return _STATE.pack(self.count, self.position, self._drawn.counter, self._drawn.key)

    def restore(self, state: bytes, what: str) -> None:
        """Go on from a `state`; DataError, naming the list ``what``, where it has another number of items."""
        count, self.position, counter, key = _STATE.unpack(state)
        if count != self.count:
            raise DataError(
                f"{what} has {self.count} items, but had {count} when the snapshot was made; expected what was read "
                "then. Name that one, or start without the snapshot."
            )
        self._drawn.key, self._drawn.counter = key, counter
        order = Stream(0)
        order.restore(self._drawn.state())
        self._order = self._draw(order)

    STATE_SIZE = _STATE.size
