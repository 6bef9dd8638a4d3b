"""Writing a LevelDB as Caffe's tools do, whole or not at all; needs the package plyvel.

Source: Caffe src/caffe/util/db_leveldb.cpp.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

from netdef.errors import DataError


class LevelWriter:
    """Fills a new LevelDB; used as ``with LevelWriter(path) as writer: writer.put(key, record)``.

    The records go to a temporary folder beside ``path``, which takes its name when the block ends well.

    Raises
    ------
    DataError
        When something stands at ``path`` already and ``overwrite`` is not given, when it cannot be written, or when
        the package plyvel is not installed.
    """

    def __init__(self, path: str | Path, overwrite: bool = False) -> None:
        try:
            import plyvel
        except ImportError as error:
            raise DataError(
                "writing a LevelDB needs the package plyvel, which is not installed. Install it "
                "(pip install netdef-caffe[leveldb]), or write an LMDB."
            ) from error
        self.path = Path(path)
        self.count = 0
        self._check_target(overwrite)
        try:
            self._folder = Path(tempfile.mkdtemp(prefix=f".{self.path.name}.", suffix=".part", dir=self.path.parent))
            os.chmod(self._folder, 0o755)
            self._database = plyvel.DB(str(self._folder), create_if_missing=True, error_if_exists=True)
        except (OSError, plyvel.Error) as error:
            reason = getattr(error, "strerror", None) or error
            raise DataError(
                f'LevelDB "{path}" cannot be created: {reason}. '
                "Its parent folder must exist and be writable; create it or choose another place."
            ) from error

    def _check_target(self, overwrite: bool) -> None:
        if not self.path.exists() or (self.path.is_dir() and not any(self.path.iterdir())):
            return
        if not (self.path / "CURRENT").is_file():
            raise DataError(f'"{self.path}" exists and is no LevelDB. Choose another place, or move it away.')
        if not overwrite:
            raise DataError(
                f'LevelDB "{self.path}" exists already. Remove it, choose another place, or ask to overwrite.'
            )

    def put(self, key: str | bytes, record: bytes) -> None:
        """Add a record. Readers meet the records in the order of their keys."""
        self._database.put(key.encode() if isinstance(key, str) else key, record)
        self.count += 1

    def __enter__(self) -> LevelWriter:
        return self

    def __exit__(self, kind: type[BaseException] | None, *exception: object) -> None:
        self._database.close()
        try:
            if kind is None:
                self._take_place()
        finally:
            shutil.rmtree(self._folder, ignore_errors=True)

    def _take_place(self) -> None:
        if self.path.exists():
            shutil.rmtree(self.path)
        os.rename(self._folder, self.path)
