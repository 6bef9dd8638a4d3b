"""Features written as databases, HDF5 and npy."""

from __future__ import annotations

import h5py
import numpy as np
import pytest

from netdef.data.database import open_database
from netdef.data.datum import decode_datum
from netdef.data.features import feature_writer
from netdef.errors import UsageError


@pytest.fixture
def batches(rng):
    return rng.standard_normal((2, 3, 4, 2, 5)).astype(np.float32)


def write(path, kind, batches):
    with feature_writer(str(path), kind, "res/2a") as put:
        for batch in batches:
            put(batch)


@pytest.mark.parametrize("kind", ["lmdb", "leveldb"])
def test_databases(tmp_path, batches, kind):
    if kind == "leveldb":
        pytest.importorskip("plyvel")
    write(tmp_path / "db", kind, batches)
    with open_database(tmp_path / "db") as source:
        assert (source.entries, source.key_of(5)) == (6, "0000000005")
        images = [decode_datum(record)[0] for record in source.read(6)]
    np.testing.assert_array_equal(images, batches.reshape(6, 4, 2, 5))


def test_vectors_have_axes_of_one(tmp_path, rng):
    write(tmp_path / "db", "lmdb", rng.standard_normal((1, 2, 7)))
    with open_database(tmp_path / "db") as source:
        assert decode_datum(source.first())[0].shape == (7, 1, 1)


def test_arrays(tmp_path, batches):
    write(tmp_path / "f.npy", "npy", batches)
    np.testing.assert_array_equal(np.load(tmp_path / "f.npy"), batches.reshape(6, 4, 2, 5))
    write(tmp_path / "f.h5", "hdf5", batches)
    with h5py.File(tmp_path / "f.h5") as file:
        np.testing.assert_array_equal(file["res_2a"], batches.reshape(6, 4, 2, 5))


def test_another_kind(tmp_path):
    with pytest.raises(UsageError) as caught:
        write(tmp_path / "f", "csv", [])
    assert str(caught.value) == 'unknown kind of feature file "csv"; expected one of lmdb, leveldb, hdf5, npy.'
