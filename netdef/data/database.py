"""Databases of records by the name of their kind: "lmdb" or "leveldb"."""

from __future__ import annotations

from pathlib import Path

from netdef.data.level_source import LevelSource
from netdef.data.level_writer import LevelWriter
from netdef.data.lmdb_source import LmdbSource
from netdef.data.lmdb_writer import LmdbWriter
from netdef.errors import UsageError

BACKENDS = ("lmdb", "leveldb")


def open_database(path: str | Path, backend: str | None = None) -> LmdbSource | LevelSource:
    """A reader of the database in the folder ``path``; whichever of the two it is unless ``backend`` says.

    Raises: DataError where there is none.
    """
    if not backend:
        backend = "leveldb" if (Path(path) / "CURRENT").is_file() else "lmdb"
    return LevelSource(path) if _known(backend) == "leveldb" else LmdbSource(path)


def create_database(path: str | Path, backend: str, overwrite: bool = False) -> LmdbWriter | LevelWriter:
    """A writer that makes a database in the folder ``path``, whole or not at all. Raises: DataError."""
    writer = LevelWriter if _known(backend) == "leveldb" else LmdbWriter
    return writer(path, overwrite)


def _known(backend: str) -> str:
    if backend.lower() not in BACKENDS:
        raise UsageError(f'unknown database backend "{backend}"; expected lmdb or leveldb.')
    return backend.lower()
