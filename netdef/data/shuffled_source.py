"""A database read in another order each time. Caffe has no such thing; forks have ``data_param { shuffle: true }``."""

from __future__ import annotations

from netdef.data.level_source import LevelSource
from netdef.data.lmdb_source import LmdbSource
from netdef.data.order import ReadingOrder
from netdef.random import Stream


class ShuffledSource:
    """The records of ``source`` in random order, a new one each time the end is passed.

    It has what `LmdbSource` has. All keys are held in memory.
    """

    def __init__(self, source: LmdbSource | LevelSource, stream: Stream) -> None:
        self.source = source
        self.kind, self.path = source.kind, source.path
        self._keys = source.keys()
        self.entries = len(self._keys)
        self._order = ReadingOrder(self.entries, True, stream)
        self._recent: list[bytes] = []
        self._start = 0

    @property
    def index(self) -> int:
        return self._order.position

    @property
    def restarts(self) -> int:
        return self._order.restarts

    def first(self) -> memoryview | bytes:
        """The first record of the database, whatever the order."""
        return self.source.first()

    def read(self, count: int) -> list[memoryview | bytes]:
        """The next ``count`` records; after the last begins a new order."""
        self._start = self.index
        self._recent = [self._keys[self._order.next()] for _ in range(count)]
        return self.source.get(self._recent)

    def skip(self, count: int) -> None:
        """Pass over ``count`` records."""
        self._order.skip(count % self.entries)

    def key_of(self, index: int) -> str:
        """The key of the record that was read as number ``index`` lately, for messages."""
        offset = (index - self._start) % self.entries
        key = self._recent[offset] if offset < len(self._recent) else self._keys[0]
        return key.decode("utf-8", "backslashreplace")

    def position(self) -> bytes:
        """Where the reader is, for `seek`."""
        return self._order.state()

    def seek(self, position: bytes) -> None:
        """Go on from a `position`; DataError where the database has another number of records."""
        self._order.restore(position, f'{self.kind} "{self.path}"')

    def close(self) -> None:
        self.source.close()
