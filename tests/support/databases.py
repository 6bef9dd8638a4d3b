"""Small databases for tests."""

from __future__ import annotations

import numpy as np
import pytest

from netdef.data.datum import encode_datum
from netdef.data.lmdb_writer import LmdbWriter


def pictures(count: int, channels: int = 3, height: int = 7, width: int = 5, seed: int = 7) -> np.ndarray:
    """uint8 ``(count, channels, height, width)``."""
    return np.random.default_rng(seed).integers(0, 256, (count, channels, height, width), np.uint8)


def write_lmdb(path, images, labels=None) -> None:
    """An LMDB of ``images``, each ``(C, H, W)``; image ``i`` has label ``i`` unless others are given."""
    with LmdbWriter(path) as writer:
        for number, image in enumerate(images):
            writer.put(f"{number:08d}", encode_datum(image, number if labels is None else labels[number]))


def write_records(path, records) -> None:
    """An LMDB of raw records."""
    with LmdbWriter(path) as writer:
        for number, record in enumerate(records):
            writer.put(f"{number:08d}", record)


def write_level(path, images) -> None:
    """A LevelDB of ``images``, each ``(C, H, W)``; image ``i`` has label ``i``. Skips without plyvel."""
    plyvel = pytest.importorskip("plyvel")
    with plyvel.DB(str(path), create_if_missing=True) as database:
        for number, image in enumerate(images):
            database.put(f"{number:08d}".encode(), encode_datum(image, number))
