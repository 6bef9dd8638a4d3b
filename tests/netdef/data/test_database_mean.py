"""The mean image of a database, and mean images as npy."""

from __future__ import annotations

import numpy as np
import pytest

from netdef.data.database import create_database, open_database
from netdef.data.database_mean import mean_of
from netdef.data.datum import encode_datum
from netdef.data.mean import load_mean, save_mean
from netdef.errors import DataError


def database(path, images):
    with create_database(path, "lmdb") as writer:
        for index, image in enumerate(images):
            writer.put(f"{index:05d}", encode_datum(image))
    return open_database(path)


@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_the_mean(tmp_path, rng, dtype):
    images = rng.integers(0, 256, (5, 2, 3, 4)).astype(dtype)
    told = []
    with database(tmp_path / "db", images) as source:
        mean = mean_of(source, told.append)
    assert (mean.dtype, mean.shape, told) == (np.float32, (2, 3, 4), [5])
    np.testing.assert_allclose(mean, images.mean(axis=0), rtol=1e-6)


def test_images_of_several_sizes(tmp_path):
    images = [np.zeros((1, 3, 4), np.uint8), np.zeros((1, 4, 3), np.uint8)]
    with database(tmp_path / "db", images) as source, pytest.raises(DataError) as caught:
        mean_of(source)
    assert str(caught.value) == (
        f'record "00001" of LMDB "{tmp_path}/db" has shape (1, 4, 3); the first one has (1, 3, 4). '
        "Make the database with images of one size."
    )


def test_a_record_that_is_damaged(tmp_path):
    with create_database(tmp_path / "db", "lmdb") as writer:
        writer.put("key", b"\xff\xff")
    with open_database(tmp_path / "db") as source, pytest.raises(DataError) as caught:
        mean_of(source)
    assert str(caught.value) == (
        f'record "key" of LMDB "{tmp_path}/db" holds 2 bytes that are not a Datum message. '
        "Make the database anew from its images."
    )


@pytest.mark.parametrize("name", ["mean.npy", "mean.binaryproto"])
def test_files(tmp_path, rng, name):
    mean = rng.random((3, 4, 5)).astype(np.float32)
    save_mean(tmp_path / name, mean)
    np.testing.assert_array_equal(load_mean(tmp_path / name), mean)


def test_files_that_are_no_arrays(tmp_path):
    with pytest.raises(DataError) as caught:
        load_mean(tmp_path / "none.npy")
    assert (
        str(caught.value) == f'array "{tmp_path}/none.npy" cannot be read: No such file or directory. Correct the path.'
    )
    (tmp_path / "text.npy").write_text("hello")
    with pytest.raises(DataError, match='text.npy" is no .npy file of numbers'):
        load_mean(tmp_path / "text.npy")
    np.save(tmp_path / "words.npy", np.array(["a", "b"]))
    with pytest.raises(DataError, match="does not hold one array of numbers"):
        load_mean(tmp_path / "words.npy")
