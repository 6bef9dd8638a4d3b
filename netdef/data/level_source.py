"""Databases of records: a LevelDB read from front to back, again and again.

Source: Caffe src/caffe/util/db_leveldb.cpp, src/caffe/layers/data_layer.cpp:75-92.
"""

from __future__ import annotations

import os
import shutil
import struct
import tempfile
import weakref
from itertools import islice
from pathlib import Path

from netdef.errors import DataError

TABLES = (".ldb", ".sst")  # files that LevelDB never changes once they are written
WITHOUT = ("LOCK", "LOG", "LOG.old")  # files that it makes by itself


class LevelSource:
    """A reader with a position over the records of a LevelDB, in the order of their keys.

    LevelDB locks and rewrites whatever it opens. So that several nets can read one database, also from a folder
    without write permission, what is opened is a temporary folder of links to its tables.

    Attributes
    ----------
    kind : str
        "LevelDB", for messages.
    path : Path
    index : int
        Number of the next record, from 0.
    restarts : int
        How often the end was passed.

    Raises
    ------
    DataError
        When there is no LevelDB, it is damaged, holds no record, or the package plyvel is not installed.
    """

    kind = "LevelDB"

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        check_folder(self.path)
        plyvel = _binding()
        folder = _copy_of(self.path)
        self._leave = weakref.finalize(self, _remove, folder, os.getpid())
        self._process = os.getpid()
        try:
            self._database = plyvel.DB(folder)
            self._records = self._database.iterator(fill_cache=False)
            self._first = next(self._records, None)
        except plyvel.Error as error:
            self._leave()
            reason = str(error).replace(folder, str(path)).strip("b'\"")
            raise DataError(f'LevelDB "{path}" is damaged ({reason}). Make or copy the database again.') from error
        if self._first is None:
            self.close()
            raise DataError(f'LevelDB "{path}" is empty; expected at least one record. Fill it or name another one.')
        self._damage = plyvel.Error
        self._entries = 0
        self._key = b""
        self.restarts = 0
        self._from_start()

    def _from_start(self) -> None:
        self.index = 0
        self._records.seek_to_start()

    @property
    def entries(self) -> int:
        """Number of records, at least 1; they are counted at the first question."""
        if not self._entries:
            with self._database.iterator(include_value=False, fill_cache=False) as keys:
                self._entries = sum(1 for _ in keys)
        return self._entries

    def first(self) -> bytes:
        """The first record, wherever the position is."""
        return self._first[1]

    def read(self, count: int) -> list[bytes]:
        """The next ``count`` records; after the last comes the first."""
        records = self._read_on(count)
        while len(records) < count:
            self._from_start()
            self.restarts += 1
            records += self._read_on(count - len(records))
        return records

    def _read_on(self, count: int) -> list[bytes]:
        try:
            pairs = list(islice(self._records, count))
        except self._damage as error:
            raise DataError(
                f'LevelDB "{self.path}" is damaged after record {self.index}. Make or copy the database again.'
            ) from error
        if pairs:
            self._key = pairs[-1][0]
            self.index += len(pairs)
        return [value for _, value in pairs]

    def skip(self, count: int) -> None:
        """Pass over ``count`` records."""
        self.read(count % self.entries)

    def key_of(self, index: int) -> str:
        """The key of record ``index``, for messages."""
        with self._database.iterator(include_value=False) as keys:
            return next(islice(keys, index % self.entries, None)).decode("utf-8", "backslashreplace")

    def keys(self) -> list[bytes]:
        """The keys of all records, in order."""
        with self._database.iterator(include_value=False, fill_cache=False) as keys:
            return list(keys)

    def get(self, keys: list[bytes]) -> list[bytes]:
        """The records of ``keys``, wherever the position is."""
        return [self._database.get(key, fill_cache=False) for key in keys]

    def position(self) -> bytes:
        """Where the reader is, for `seek`: the next record's number and the key before it."""
        return struct.pack("<Q", self.index) + (self._key if self.index else b"")

    def seek(self, position: bytes) -> None:
        """Go on from a `position`; DataError where the database holds another set of records."""
        (index,) = struct.unpack_from("<Q", position)
        key = position[8:]
        if index == 0:
            self._from_start()
            return
        self._records.seek(key)
        found, _ = next(self._records, (None, None))
        if found != key:
            name = key.decode("utf-8", "backslashreplace")
            raise DataError(
                f'LevelDB "{self.path}" has no record "{name}", which was read last; expected the database that the '
                "snapshot was made with. Name that one, or start without the snapshot."
            )
        self.index, self._key = index, key

    def close(self) -> None:
        """Let go of the database. May be called twice."""
        if not self._leave.alive:
            return
        if self._process == os.getpid():  # a forked copy lacks LevelDB's own thread and would wait for it
            self._records.close()
            self._database.close()
        self._leave()

    def __enter__(self) -> LevelSource:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()


def check_folder(path: Path) -> None:
    """DataError with the reason where ``path`` cannot be a LevelDB."""
    if not path.exists():
        base = "" if path.is_absolute() else f' (seen from the working directory "{os.getcwd()}")'
        raise DataError(f'LevelDB "{path}" does not exist{base}; expected a folder. Create it or correct the path.')
    if not path.is_dir():
        raise DataError(f'LevelDB "{path}" is a file; expected a folder. Name the folder.')
    if not (path / "CURRENT").is_file():
        raise DataError(
            f'"{path}" holds no file CURRENT, so it is no LevelDB. Create the database or correct the path.'
        )


def _binding():
    """The package that reads LevelDB, which is loaded only when there is one to read."""
    try:
        import plyvel
    except ImportError as error:
        raise DataError(
            "reading a LevelDB needs the package plyvel, which is not installed. Install it "
            "(pip install netdef-caffe[leveldb]), or make an LMDB from the same images and set backend: LMDB."
        ) from error
    return plyvel


def _copy_of(path: Path) -> str:
    """A temporary folder that LevelDB may treat as its own: links to the tables, copies of the small files."""
    folder = tempfile.mkdtemp(prefix="netdef-leveldb-")
    try:
        for entry in path.iterdir():
            if entry.suffix in TABLES:
                _link(entry.resolve(), os.path.join(folder, entry.name))
            elif entry.name not in WITHOUT and entry.is_file():
                shutil.copyfile(entry, os.path.join(folder, entry.name))
    except OSError as error:
        shutil.rmtree(folder, ignore_errors=True)
        raise DataError(
            f'LevelDB "{path}" cannot be read ({error.strerror}: {error.filename}). Check its permissions and the '
            "space for temporary files."
        ) from error
    return folder


def _remove(folder: str, process: int) -> None:
    """Delete the temporary folder, unless it belongs to the process that this one was forked from."""
    if process == os.getpid():
        shutil.rmtree(folder, ignore_errors=True)


def _link(source: Path, target: str) -> None:
    """A symbolic link, or a copy where the system allows none."""
    try:
        os.symlink(source, target)
    except OSError:
        shutil.copyfile(source, target)
