"""convert_cifar: both databases, with Caffe's names."""

from __future__ import annotations

import numpy as np

from netdef.data.database import open_database
from netdef.data.datum import decode_datum


def test_both_databases(run, tmp_path, rng):
    rows = rng.integers(0, 256, (6, 2, 3073), dtype=np.uint8)
    for number, batch in enumerate(rows, 1):
        name = f"data_batch_{number}.bin" if number < 6 else "test_batch.bin"
        (tmp_path / name).write_bytes(batch.tobytes())
    result = run("convert_cifar", ".", ".", "lmdb")
    assert (result.status, result.out) == (0, "cifar10_train_lmdb: 10 records.\ncifar10_test_lmdb: 2 records.\n")
    with open_database("cifar10_train_lmdb") as source:
        assert (source.entries, source.key_of(9)) == (10, "00009")
        np.testing.assert_array_equal(decode_datum(source.first())[0].ravel(), rows[0, 0, 1:])


def test_a_batch_that_is_missing(run, tmp_path):
    result = run("convert_cifar", ".", ".", "lmdb")
    assert result.status == 1
    assert result.err.startswith('CIFAR file "data_batch_1.bin" cannot be read: No such file or directory.')
    assert not (tmp_path / "cifar10_train_lmdb").exists()
