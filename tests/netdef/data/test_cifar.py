"""CIFAR-10's files: keys, labels, planes, and files that are none."""

from __future__ import annotations

import numpy as np
import pytest

from netdef.data.cifar import read_batch, records
from netdef.data.datum import decode_datum
from netdef.errors import DataError


def test_records(tmp_path, rng):
    rows = rng.integers(0, 256, (3, 3073), dtype=np.uint8)
    rows[:, 0] = [4, 0, 9]
    (tmp_path / "a.bin").write_bytes(rows[:2].tobytes())
    (tmp_path / "b.bin").write_bytes(rows[2:].tobytes())
    found = list(records(tmp_path, ("a.bin", "b.bin")))
    assert [key for key, _ in found] == ["00000", "00001", "00002"]
    for (_, record), row in zip(found, rows):
        image, label = decode_datum(record)
        assert label == row[0]
        np.testing.assert_array_equal(image, row[1:].reshape(3, 32, 32))


def test_what_is_no_batch(tmp_path):
    with pytest.raises(DataError) as caught:
        read_batch(tmp_path / "none.bin")
    assert str(caught.value) == (
        f'CIFAR file "{tmp_path}/none.bin" cannot be read: No such file or directory. Name the folder that holds '
        "CIFAR-10's binary version, data_batch_1.bin to data_batch_5.bin and test_batch.bin."
    )
    (tmp_path / "short.bin").write_bytes(b"x" * 3000)
    with pytest.raises(DataError) as caught:
        read_batch(tmp_path / "short.bin")
    assert str(caught.value) == (
        f'CIFAR file "{tmp_path}/short.bin" has 3000 bytes; expected a multiple of 3073. Unpack it again.'
    )
