"""CIFAR-10's binary files as databases.

Sources: A. Krizhevsky, "Learning multiple layers of features from tiny images", 2009, binary version of CIFAR-10;
Caffe examples/cifar10/convert_cifar_data.cpp.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from netdef.data.datum import encode_datum
from netdef.errors import DataError

TRAIN_FILES = tuple(f"data_batch_{number}.bin" for number in range(1, 6))
TEST_FILES = ("test_batch.bin",)
SHAPE = (3, 32, 32)  # red, green, blue planes
RECORD_BYTES = 1 + 3 * 32 * 32


def read_batch(path: Path) -> np.ndarray:
    """The records of one file, uint8 ``(N, 3073)``: a label and the pixels. Raises: DataError."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise DataError(
            f'CIFAR file "{path}" cannot be read: {error.strerror}. Name the folder that holds CIFAR-10\'s binary '
            "version, data_batch_1.bin to data_batch_5.bin and test_batch.bin."
        ) from error
    if not content or len(content) % RECORD_BYTES:
        raise DataError(
            f'CIFAR file "{path}" has {len(content)} bytes; expected a multiple of {RECORD_BYTES}. Unpack it again.'
        )
    return np.frombuffer(content, np.uint8).reshape(-1, RECORD_BYTES)


def records(folder: Path, names: tuple[str, ...]) -> Iterator[tuple[str, bytes]]:
    """The keys, ``00000`` on, and the serialised Datums of the files ``names``."""
    index = 0
    for name in names:
        for row in read_batch(folder / name):
            yield f"{index:05d}", encode_datum(row[1:].reshape(SHAPE), int(row[0]))
            index += 1
