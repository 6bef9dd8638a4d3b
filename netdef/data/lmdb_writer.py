"""Writing an LMDB as Caffe's tools do, whole or not at all.

Source: Caffe src/caffe/util/db_lmdb.cpp:36-100, tools/convert_imageset.cpp:140-165.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

import lmdb

from netdef.errors import DataError

RECORDS_PER_TRANSACTION = 1000
_FIRST_MAP_SIZE = 10 * 2**20  # LMDB's own default, doubled when full, as Caffe does


class LmdbWriter:
    """Fills a new LMDB; used as ``with LmdbWriter(path) as writer: writer.put(key, record)``.

    The records go to a temporary folder beside ``path``, which takes its name when the block ends well. When
    it ends with an error, nothing is left and a database that stood there is as it was.

    Parameters
    ----------
    path : path
        The database's folder. Its parent must exist.
    overwrite : bool
        Whether a database at ``path`` may be replaced.

    Raises
    ------
    DataError
        When something stands at ``path`` already, or the disk is full or may not be written.
    """

    def __init__(self, path: str | Path, overwrite: bool = False) -> None:
        self.path = Path(path)
        self.count = 0
        self._pending: list[tuple[bytes, bytes]] = []
        self._check_target(overwrite)
        try:
            self._folder = Path(tempfile.mkdtemp(prefix=f".{self.path.name}.", suffix=".part", dir=self.path.parent))
            os.chmod(self._folder, 0o755)
        except OSError as error:
            raise DataError(
                f'LMDB "{path}" cannot be created: {error.strerror}. '
                "Its parent folder must exist and be writable; create it or choose another place."
            ) from error
        self._environment = lmdb.open(
            str(self._folder), map_size=_FIRST_MAP_SIZE, lock=False, sync=False, metasync=False, mode=0o664
        )

    def _check_target(self, overwrite: bool) -> None:
        if not self.path.exists() or (self.path.is_dir() and not any(self.path.iterdir())):
            return
        if not (self.path / "data.mdb").is_file():
            raise DataError(f'"{self.path}" exists and is no LMDB. Choose another place, or move it away.')
        if not overwrite:
            raise DataError(f'LMDB "{self.path}" exists already. Remove it, choose another place, or ask to overwrite.')

    def put(self, key: str | bytes, record: bytes) -> None:
        """Add a record. Readers meet the records in the order of their keys."""
        self._pending.append((key.encode() if isinstance(key, str) else key, record))
        self.count += 1
        if len(self._pending) == RECORDS_PER_TRANSACTION:
            self._commit()

    def _commit(self) -> None:
        while self._pending:
            try:
                with self._environment.begin(write=True) as transaction:
                    for key, record in self._pending:
                        transaction.put(key, record)
                self._pending.clear()
            except lmdb.MapFullError:
                self._environment.set_mapsize(self._environment.info()["map_size"] * 2)
            except lmdb.Error as error:
                raise self._failure(str(error).rsplit(": ", 1)[-1]) from error

    def _failure(self, reason: str) -> DataError:
        return DataError(
            f'LMDB "{self.path}" cannot be written after {self.count} records: {reason}. '
            "Make room on the disk or choose another place."
        )

    def __enter__(self) -> LmdbWriter:
        return self

    def __exit__(self, kind: type[BaseException] | None, *exception: object) -> None:
        if kind is not None:
            self.abort()
            return
        try:
            self._commit()
            self._environment.sync(True)
            self._environment.close()
            self._take_place()
        except (lmdb.Error, OSError) as error:
            raise self._failure(getattr(error, "strerror", None) or str(error).rsplit(": ", 1)[-1]) from error
        finally:
            self.abort()

    def abort(self) -> None:
        """Throw away what was written."""
        self._environment.close()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _take_place(self) -> None:
        old = None
        if (self.path / "data.mdb").exists():
            old = self._folder.with_suffix(".old")
            os.rename(self.path, old)
        os.rename(self._folder, self.path)
        descriptor = os.open(self.path.parent, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        if old is not None:
            shutil.rmtree(old)
