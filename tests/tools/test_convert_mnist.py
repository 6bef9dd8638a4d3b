"""MNIST's files as LMDB, from the command line."""

from __future__ import annotations

import gzip
import struct

import lmdb
import numpy as np
import pytest

from netdef.data.datum import decode_datum


def idx(array: np.ndarray) -> bytes:
    """The bytes of an IDX file of unsigned bytes."""
    return struct.pack(f">I{array.ndim}I", 0x800 + array.ndim, *array.shape) + array.tobytes()


@pytest.fixture
def digits(tmp_path):
    """Three images of 4x5 pixels and their labels, for training and, the other way round, for the test."""
    images = np.arange(60, dtype=np.uint8).reshape(3, 4, 5)
    labels = np.array([7, 2, 1], np.uint8)
    folder = tmp_path / "mnist"
    folder.mkdir()
    (folder / "train-images-idx3-ubyte").write_bytes(idx(images))
    (folder / "train-labels-idx1-ubyte").write_bytes(idx(labels))
    (folder / "t10k-images-idx3-ubyte.gz").write_bytes(gzip.compress(idx(images[::-1].copy())))
    (folder / "t10k-labels-idx1-ubyte.gz").write_bytes(gzip.compress(idx(labels[::-1].copy())))
    return images, labels


def records(path) -> list[tuple[bytes, np.ndarray, int]]:
    with lmdb.open(str(path), readonly=True, lock=False) as environment, environment.begin() as transaction:
        return [(bytes(key), *decode_datum(value)) for key, value in transaction.cursor()]


def test_two_files_become_an_lmdb(run, digits):
    words = ["mnist/train-images-idx3-ubyte", "mnist/train-labels-idx1-ubyte", "out_lmdb"]
    result = run("convert_mnist", "-backend=lmdb", *words)
    assert (result.status, result.out, result.err) == (0, "out_lmdb: 3 records.\n", "")
    found = records("out_lmdb")
    assert [key for key, _, _ in found] == [b"00000000", b"00000001", b"00000002"]
    assert [label for _, _, label in found] == [7, 2, 1]
    assert np.array_equal(np.concatenate([image for _, image, _ in found]), digits[0])
    assert run("convert_mnist", *words).status == 1
    assert run("convert_mnist", *words, "--overwrite").status == 0


def test_pairs_of_images(run, digits, tmp_path, monkeypatch):
    monkeypatch.setenv("MNIST_DIR", str(tmp_path / "mnist"))
    result = run("convert_mnist", "--pairs", "--get", ".")
    assert (result.status, result.err) == (0, "")
    names = ["mnist_siamese_train_lmdb", "mnist_siamese_test_lmdb"]
    assert result.out.splitlines()[1:] == [f"{name}: 3 records." for name in names]
    images, labels = digits
    places = {image.tobytes(): label for image, label in zip(images, labels, strict=True)}
    found = [record for name in names for record in records(name)]
    assert [key for key, _, _ in found] == [b"00000000", b"00000001", b"00000002"] * 2
    for _, pair, similar in found:
        assert pair.shape == (2, 4, 5)
        assert similar == (places[pair[0].tobytes()] == places[pair[1].tobytes()])
    words = ["mnist/train-images-idx3-ubyte", "mnist/train-labels-idx1-ubyte", "out_lmdb"]
    assert run("convert_mnist", "--pairs", *words).status == 0
    for (_, again, _), (_, pair, _) in zip(records("out_lmdb"), found, strict=False):
        assert np.array_equal(again, pair)  # the same pairs every time


def test_get_makes_both_and_samples(run, digits, tmp_path, monkeypatch):
    monkeypatch.setenv("MNIST_DIR", str(tmp_path / "mnist"))
    (tmp_path / "work").mkdir()
    result = run("convert_mnist", "--get", "work", "--samples", 2)
    assert (result.status, result.err) == (0, "")
    assert result.out == (
        f'MNIST from "{tmp_path / "mnist"}": 3 training and 3 test images.\n'
        "work/mnist_train_lmdb: 3 records.\nwork/mnist_test_lmdb: 3 records.\n"
    )
    assert [label for _, _, label in records("work/mnist_test_lmdb")] == [1, 2, 7]
    assert sorted(path.name for path in (tmp_path / "work" / "png").iterdir()) == [
        "00003_label1.png",
        "00004_label2.png",
    ]
    assert run("convert_mnist", "--get", "work").status == 0


def test_without_a_network_digits_stand_in(run, tmp_path, monkeypatch):
    pytest.importorskip("sklearn")
    import netdef.data.mnist

    monkeypatch.delenv("MNIST_DIR", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(netdef.data.mnist, "_from_mirrors", lambda cache, mirrors, tell: None)
    result = run("convert_mnist", "--get", ".")
    assert result.status == 0
    assert "scikit-learn" in result.out.splitlines()[0]


def test_a_part_for_validation_and_a_border(run, digits, tmp_path, monkeypatch):
    monkeypatch.setenv("MNIST_DIR", str(tmp_path / "mnist"))
    result = run("convert_mnist", "--get", ".", "--pad", 2, "--validation", 0.5)
    assert (result.status, result.err) == (0, "")
    assert result.out.splitlines()[1:] == [
        "mnist_train_lmdb: 1 records.", "mnist_val_lmdb: 2 records.", "mnist_test_lmdb: 3 records."
    ]  # fmt: skip
    images, labels = digits
    (_, image, label), *_ = records("mnist_train_lmdb")
    assert (image.shape, label) == ((1, 8, 9), 7)
    assert np.array_equal(image[0, 2:-2, 2:-2], images[0])
    assert image.sum() == images[0].sum()
    assert [label for _, _, label in records("mnist_val_lmdb")] == [2, 1]
    assert [image.shape for _, image, _ in records("mnist_test_lmdb")] == [(1, 8, 9)] * 3


def test_training_images_in_random_order(run, digits, tmp_path, monkeypatch):
    monkeypatch.setenv("MNIST_DIR", str(tmp_path / "mnist"))
    orders = set()
    for seed in range(6):
        assert run("convert_mnist", "--get", ".", "--shuffle", "--seed", seed).status == 0
        found = records("mnist_train_lmdb")
        assert all(np.array_equal(image[0], digits[0][[7, 2, 1].index(label)]) for _, image, label in found)
        orders.add(tuple(label for _, _, label in found))
        assert [label for _, _, label in records("mnist_test_lmdb")] == [1, 2, 7]
    assert len(orders) > 1
    words = ["mnist/train-images-idx3-ubyte", "mnist/train-labels-idx1-ubyte", "out_lmdb"]
    assert run("convert_mnist", *words, "--shuffle", "--seed", 5).status == 0
    assert [label for _, _, label in records("out_lmdb")] == [label for _, _, label in found]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--get", ".", "--validation", "1.5"],
         '--validation is "1.5"; expected a number of images, 1 or more, or a share between 0 and 1. '),
        (["a", "b", "c", "--validation", "1"],
         "found 3 files; expected three, the images, the labels and the LMDB to write, or --get FOLDER (and --samples "
         "and --validation only with it). "),
    ],
)  # fmt: skip
def test_wrong_validation(run, words, message):
    result = run("convert_mnist", *words)
    assert (result.status, result.out) == (2, "")
    assert result.err == f'netdef convert_mnist: {message}See "netdef help convert_mnist".\n'
