"""Databases of records: an LMDB read from front to back, again and again.

Source: Caffe src/caffe/util/db_lmdb.cpp, src/caffe/layers/data_layer.cpp:75-92.
"""

from __future__ import annotations

import os
import struct
import threading
import weakref
from contextlib import contextmanager
from itertools import islice
from pathlib import Path

import lmdb

from netdef.errors import DataError

# Held during every call into LMDB. A fork waits for it: a copy of a call in mid-air could never be closed.
# Reentrant, for the collector may close a forgotten reader at any moment.
_lock = threading.RLock()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_lock.acquire, after_in_parent=_lock.release, after_in_child=_lock.release)

_open: dict[tuple[int, int, int], _Shared] = {}


class _Shared:
    """An environment and how many readers use it: a process must not open the same LMDB twice."""

    def __init__(self, key: tuple[int, int, int], environment: lmdb.Environment) -> None:
        self.key = key
        self.environment = environment
        self.readers = 0

    def leave(self) -> None:
        with _lock:
            self.readers -= 1
            if self.readers == 0:
                _open.pop(self.key, None)
                self.environment.close()


class LmdbSource:
    """A reader with a position over the records of an LMDB, in the order of their keys.

    Several readers of one database may live in a process; each keeps its own position.

    Attributes
    ----------
    kind : str
        "LMDB", for messages.
    path : Path
    entries : int
        Number of records, at least 1.
    index : int
        Number of the next record, from 0.
    restarts : int
        How often the end was passed.

    Raises
    ------
    DataError
        When there is no LMDB, it is damaged or truncated, or holds no record.
    """

    kind = "LMDB"

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        check_folder(self.path)
        shared = _share(self.path)
        self._leave = weakref.finalize(self, shared.leave)
        self.index = 0
        self.restarts = 0
        try:
            with self._calling():
                self._transaction = shared.environment.begin(buffers=True)
                self._cursor = self._transaction.cursor()
                self.entries = shared.environment.stat()["entries"]
                if self.entries:
                    self._records = self._from_start()
        except DataError:
            self._leave()
            raise
        if self.entries == 0:
            self.close()
            raise DataError(f'LMDB "{path}" is empty; expected at least one record. Fill it or name another one.')

    @contextmanager
    def _calling(self):
        """Around calls into LMDB: one at a time; DataError for pages that it finds damaged."""
        with _lock:
            try:
                yield
            except lmdb.Error as error:
                raise DataError(
                    f'LMDB "{self.path}" is damaged ({_reason(error)}). Make or copy the database again.'
                ) from error

    def _from_start(self):
        self._cursor.first()
        return self._cursor.iternext(keys=False)

    def first(self) -> memoryview:
        """The first record, wherever the position is."""
        with self._calling(), self._transaction.cursor() as cursor:
            cursor.first()
            return cursor.value()

    def read(self, count: int) -> list[memoryview]:
        """The next ``count`` records; after the last comes the first. Valid until `close`."""
        with self._calling():
            records = self._read_on(count)
            while len(records) < count:
                self._restart()
                more = self._read_on(count - len(records))
                if not more:
                    raise DataError(
                        f'LMDB "{self.path}" is damaged: it says that it has {self.entries} records and holds none. '
                        "Make or copy the database again."
                    )
                records += more
        return records

    def skip(self, count: int) -> None:
        """Pass over ``count`` records."""
        self.read(count % self.entries)

    def _read_on(self, count: int) -> list[memoryview]:
        records = list(islice(self._records, count))
        self.index += len(records)
        return records

    def _restart(self) -> None:
        self.index = 0
        self.restarts += 1
        self._records = self._from_start()

    def key_of(self, index: int) -> str:
        """The key of record ``index``, for messages."""
        with self._calling(), self._transaction.cursor() as cursor:
            keys = cursor.iternext(values=False)
            return bytes(next(islice(keys, index % self.entries, None), b"")).decode("utf-8", "backslashreplace")

    def keys(self) -> list[bytes]:
        """The keys of all records, in order."""
        with _lock, self._transaction.cursor() as cursor:
            return [bytes(key) for key in cursor.iternext(values=False)]

    def get(self, keys: list[bytes]) -> list[memoryview]:
        """The records of ``keys``, wherever the position is. Valid until `close`."""
        with _lock:
            return [self._transaction.get(key) for key in keys]

    def position(self) -> bytes:
        """Where the reader is, for `seek`: the next record's number and the key before it."""
        with self._calling():
            key = bytes(self._cursor.key()) if self.index else b""
        return struct.pack("<Q", self.index) + key

    def seek(self, position: bytes) -> None:
        """Go on from a `position`; DataError where the database holds another set of records."""
        (index,) = struct.unpack_from("<Q", position)
        key = position[8:]
        with self._calling():
            known = index <= self.entries and (index == 0 or self._cursor.set_key(key))
            if known:
                self._go_after(index)
        if not known:
            name = key.decode("utf-8", "backslashreplace")
            raise DataError(
                f'LMDB "{self.path}" has {self.entries} records and none at "{name}", where record {index} was read '
                "last; expected the database that the snapshot was made with. Name that one, or start without the "
                "snapshot."
            )

    def _go_after(self, index: int) -> None:
        """Make the record after the cursor's the next one, or the first where ``index`` is 0."""
        self.index = index
        self._records = self._cursor.iternext(keys=False) if index else self._from_start()
        if index:
            next(self._records, None)

    def close(self) -> None:
        """Let go of the database; records that were read must no longer be used."""
        with _lock:
            if self._leave.alive:
                self._records = None
                self._cursor.close()
                self._transaction.abort()
                self._leave()

    def __enter__(self) -> LmdbSource:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()


def check_folder(path: Path) -> None:
    """DataError with the reason where ``path`` cannot be an LMDB."""
    if not path.exists():
        base = "" if path.is_absolute() else f' (seen from the working directory "{os.getcwd()}")'
        raise DataError(
            f'LMDB "{path}" does not exist{base}; expected a folder with data.mdb. Create it or correct the path.'
        )
    if not path.is_dir():
        raise DataError(f'LMDB "{path}" is a file; expected a folder with data.mdb. Name the folder.')
    if (path / "data.mdb").is_file():
        return
    if (path / "CURRENT").is_file():
        raise DataError(
            f'"{path}" is a LevelDB; expected an LMDB, a folder with data.mdb. '
            'In a net, set "backend: LEVELDB"; or make an LMDB from the same images with convert_imageset.'
        )
    raise DataError(f'"{path}" holds no data.mdb, so it is no LMDB. Create the database or correct the path.')


def _share(path: Path) -> _Shared:
    """The environment of ``path``, with one reader more."""
    try:
        status = os.stat(path / "data.mdb")
        key = (os.getpid(), status.st_dev, status.st_ino)
        with _lock:
            shared = _open.get(key)
            if shared is None:
                shared = _open[key] = _Shared(key, _open_environment(path, status.st_size))
            shared.readers += 1
            return shared
    except PermissionError as error:
        raise DataError(f'LMDB "{path}" may not be read. Ask for read permission on data.mdb.') from error
    except lmdb.Error as error:
        raise DataError(
            f'LMDB "{path}" cannot be opened: data.mdb is damaged or not an LMDB ({_reason(error)}). '
            "Make or copy the database again."
        ) from error


def _open_environment(path: Path, size: int) -> lmdb.Environment:
    environment = lmdb.open(str(path), readonly=True, lock=False, create=False, readahead=True)
    # Pages past the end of the file, and pages that are moved, would kill the process at the first touch (SIGBUS).
    page = environment.stat()["psize"]
    needed = (environment.info()["last_pgno"] + 1) * page
    if size < needed or size % page:
        environment.close()
        if size < needed:
            found = f"is truncated: data.mdb has {size} bytes and refers to {needed}"
        else:
            found = f"is damaged: data.mdb has {size} bytes, {size % page} more than whole pages of {page}"
        raise DataError(f'LMDB "{path}" {found}. Make or copy the database again.')
    return environment


def _reason(error: lmdb.Error) -> str:
    return str(error).rsplit(": ", 1)[-1]
