import gzip
import hashlib
import os
import struct

import lmdb
import numpy as np
import pytest

from netdef.data import mnist as module
from netdef.data.digits import Digits
from netdef.data.image import read_image
from netdef.data.mnist import convert_mnist, export_samples, find_mnist, parse_idx, read_idx, read_mnist
from netdef.errors import DataError
from tests.support.databases import pictures

NAMES = (module.TRAIN_IMAGES, module.TRAIN_LABELS, module.TEST_IMAGES, module.TEST_LABELS)


def idx(array):
    magic = module.IMAGE_MAGIC if array.ndim == 3 else module.LABEL_MAGIC
    return struct.pack(f">{1 + array.ndim}I", magic, *array.shape) + array.tobytes()


@pytest.fixture
def arrays():
    images = pictures(8, 1, 7, 5)[:, 0]
    labels = np.arange(8, dtype=np.uint8)
    return images[:5], labels[:5], images[5:], labels[5:]


@pytest.fixture
def folder(tmp_path, arrays):
    for name, array in zip(NAMES, arrays, strict=True):
        (tmp_path / name).write_bytes(idx(array))
    return tmp_path


@pytest.fixture
def mirror(tmp_path, arrays, monkeypatch):
    """A mirror on this disk whose check sums are right."""
    folder = tmp_path / "mirror"
    folder.mkdir()
    monkeypatch.delenv("MNIST_DIR", raising=False)
    sums = {}
    for name, array in zip(NAMES, arrays, strict=True):
        (folder / f"{name}.gz").write_bytes(gzip.compress(idx(array), mtime=0))
        sums[name] = hashlib.md5(idx(array)).hexdigest()
    monkeypatch.setattr(module, "CHECKSUMS", sums)
    return folder


def check(digits, arrays):
    found = (digits.train_images, digits.train_labels, digits.test_images, digits.test_labels)
    assert all(np.array_equal(a, b) for a, b in zip(found, arrays, strict=True))


# -- files


def test_the_four_files_plain_zipped_and_with_dots(folder, arrays):
    digits = read_mnist(folder)
    check(digits, arrays)
    assert digits.is_mnist
    assert digits.origin == f'MNIST from "{folder}": 5 training and 3 test images.'
    (folder / "train-images.idx3-ubyte.gz").write_bytes(gzip.compress((folder / NAMES[0]).read_bytes(), mtime=0))
    (folder / NAMES[0]).unlink()
    check(read_mnist(folder), arrays)


@pytest.mark.parametrize(
    "content, message",
    [
        (b"1234", "has 4 bytes; a header needs 8. Download it again."),
        (
            struct.pack(">II", 7, 7),
            "begins with the number 7; expected 2051 (images) or 2049 (labels). Name one of MNIST's IDX files.",
        ),
        (struct.pack(">II", 2049, 3) + b"12", "has 10 bytes; its header announces 11. Download it again."),
        (struct.pack(">IIII", 2051, 1, 2, 2) + b"12345", "has 21 bytes; its header announces 20. Download it again."),
        (struct.pack(">III", 2051, 1, 2), "has 12 bytes; a header of images needs 16. Download it again."),
        (gzip.compress(bytes(3000), mtime=0)[:-9], "is damaged: it cannot be unpacked. Download it again."),
    ],
)
def test_bad_files(tmp_path, content, message):
    (tmp_path / "file").write_bytes(content)
    with pytest.raises(DataError) as caught:
        read_idx(tmp_path / "file")
    assert caught.value.message == f'MNIST file "{tmp_path}/file" {message}'


def test_missing_files(folder):
    with pytest.raises(DataError) as caught:
        read_idx(folder / "no")
    assert caught.value.message == (
        f'MNIST file "{folder}/no" cannot be read: No such file or directory. Correct the path.'
    )
    (folder / NAMES[3]).unlink()
    with pytest.raises(DataError) as caught:
        read_mnist(folder)
    assert caught.value.message == (
        f'"{folder}" has neither t10k-labels-idx1-ubyte nor t10k-labels-idx1-ubyte.gz; '
        "expected the four files of MNIST. Correct the path or download them."
    )


def test_files_that_do_not_belong_together(folder, arrays):
    (folder / NAMES[3]).write_bytes(idx(arrays[1]))
    with pytest.raises(DataError) as caught:
        read_mnist(folder)
    assert caught.value.message == "there are 3 images and 5 labels. Take both files from one set."
    with pytest.raises(DataError) as caught:
        module.check_pair(arrays[1], arrays[1])
    assert caught.value.message == "the file of images holds labels. Exchange the two file names."
    with pytest.raises(DataError) as caught:
        module.check_pair(arrays[0], arrays[0])
    assert caught.value.message == "the file of labels holds images. Exchange the two file names."


# -- where they come from


def test_a_named_folder_comes_first_and_must_be_good(folder, arrays, mirror, monkeypatch):
    monkeypatch.setenv("MNIST_DIR", str(folder / "wrong"))
    check(find_mnist(folder), arrays)
    with pytest.raises(DataError):
        find_mnist()
    monkeypatch.setenv("MNIST_DIR", str(folder))
    check(find_mnist(), arrays)


def test_mirrors_are_tried_in_turn_and_the_files_are_kept(tmp_path, mirror, arrays):
    told = []
    cache = tmp_path / "cache"
    good, bad = mirror.as_uri(), (tmp_path / "nothing").as_uri()
    digits = find_mnist(cache=cache, mirrors=(bad, good), tell=told.append)
    check(digits, arrays)
    assert digits.is_mnist and digits.origin == f"MNIST from {good}."
    assert told[0] == f"Downloading MNIST from {bad}"
    assert told[1].startswith(f"MNIST could not be downloaded from {bad}: ")
    assert told[2:] == [f"Downloading MNIST from {good}"]
    assert sorted(os.listdir(cache)) == sorted(f"{name}.gz" for name in NAMES)
    told.clear()
    check(find_mnist(cache=cache, mirrors=(), tell=told.append), arrays)
    assert told == []


def test_a_damaged_cache_is_filled_again(tmp_path, mirror, arrays):
    cache = tmp_path / "cache"
    find_mnist(cache=cache, mirrors=(mirror.as_uri(),))
    (cache / f"{NAMES[0]}.gz").write_bytes(b"\x1f\x8bjunk")
    told = []
    check(find_mnist(cache=cache, mirrors=(mirror.as_uri(),), tell=told.append), arrays)
    assert told[0] == (
        f'MNIST file "{cache}/{NAMES[0]}.gz" is damaged: it cannot be unpacked. Download it again.'
    )
    check(find_mnist(cache=cache, mirrors=()), arrays)


def test_a_cache_that_cannot_be_written_is_no_obstacle(tmp_path, mirror, arrays):
    (tmp_path / "file").write_text("")
    told = []
    check(find_mnist(cache=tmp_path / "file", mirrors=(mirror.as_uri(),), tell=told.append), arrays)
    assert told[1].startswith("The download could not be kept: ")


def test_wrong_check_sums_are_refused_and_the_digits_stand_in(tmp_path, mirror, arrays, monkeypatch):
    monkeypatch.setattr(module, "small_digits", lambda: Digits(*arrays, False, "small"))
    (mirror / f"{NAMES[3]}.gz").write_bytes(gzip.compress(b"something else", mtime=0))
    told = []
    digits = find_mnist(cache=tmp_path / "cache", mirrors=(mirror.as_uri(),), tell=told.append)
    found = hashlib.md5(b"something else").hexdigest()
    assert told[1] == (
        f"MNIST could not be downloaded from {mirror.as_uri()}: {NAMES[3]}.gz has the md5 sum {found} "
        f"after unpacking; expected {module.CHECKSUMS[NAMES[3]]}."
    )
    assert digits.origin == "small"
    assert not (tmp_path / "cache").exists()


def test_the_real_files_have_the_check_sums(mnist_dir):
    path = module._find(mnist_dir, module.TEST_LABELS)
    content = module._unpack(path.read_bytes(), path)
    assert hashlib.md5(content).hexdigest() == module.CHECKSUMS[module.TEST_LABELS]
    assert parse_idx(content, "labels")[:5].tolist() == [7, 2, 1, 0, 4]


# -- what is made of them


def test_the_database_is_the_one_that_caffe_makes(tmp_path):
    images = np.arange(12, dtype=np.uint8).reshape(2, 2, 3)
    convert_mnist(images, np.array([7, 0], np.uint8), tmp_path / "db")
    with lmdb.open(str(tmp_path / "db"), readonly=True, lock=False) as environment, environment.begin() as transaction:
        assert list(transaction.cursor()) == [
            (b"00000000", b"\x08\x01\x10\x02\x18\x03\x22\x06\x00\x01\x02\x03\x04\x05\x28\x07"),
            (b"00000001", b"\x08\x01\x10\x02\x18\x03\x22\x06\x06\x07\x08\x09\x0a\x0b\x28\x00"),
        ]
    with pytest.raises(DataError) as caught:
        convert_mnist(images, np.array([7, 0, 1], np.uint8), tmp_path / "other")
    assert caught.value.message == "there are 2 images and 3 labels. Take both files from one set."


def test_samples_are_png_files_named_after_place_and_label(tmp_path, arrays):
    digits = Digits(*arrays, True, "")
    paths = export_samples(digits, tmp_path / "new" / "samples", 2)
    assert [path.name for path in paths] == ["00005_label5.png", "00006_label6.png"]
    for path, image in zip(paths, digits.test_images, strict=False):
        assert np.array_equal(read_image(path, color=False)[0], image)
    assert len(export_samples(digits, tmp_path, 99)) == 3
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError) as caught:
        export_samples(digits, tmp_path / "file")
    assert caught.value.message == f'folder "{tmp_path}/file" cannot be made: File exists. Choose another place.'
