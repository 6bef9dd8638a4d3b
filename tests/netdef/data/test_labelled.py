"""Images with labels from whatever holds them."""

from __future__ import annotations

import gzip
import struct

import numpy as np
import pytest
from PIL import Image

from netdef.data.datum import encode_datum
from netdef.data.labelled import open_labelled
from netdef.data.lmdb_writer import LmdbWriter
from netdef.errors import DataError

IMAGES = np.arange(300 * 2 * 3, dtype=np.int64).reshape(300, 2, 3).astype(np.uint8)
LABELS = np.arange(300) % 7


def test_a_database(tmp_path):
    with LmdbWriter(tmp_path / "db") as writer:
        for number, (image, label) in enumerate(zip(IMAGES, LABELS, strict=True)):
            writer.put(f"{number:08d}", encode_datum(image[None], label))
    source = open_labelled(str(tmp_path / "db"), (1, 2, 3))
    assert (source.name, source.count) == (f'LMDB "{tmp_path / "db"}"', 300)
    for _ in range(2):  # it can be read again
        found = list(source.read())
        assert [label for _, label in found] == list(LABELS)
        assert np.array_equal(np.concatenate([image for image, _ in found]), IMAGES)


def test_a_damaged_record_has_a_number(tmp_path):
    with LmdbWriter(tmp_path / "db") as writer:
        writer.put("0", encode_datum(IMAGES[:1], 3))
        writer.put("1", b"\xff\xff")
    source = open_labelled(str(tmp_path / "db"), (1, 2, 3))
    with pytest.raises(DataError, match=r'record 1 of LMDB ".*db" '):
        list(source.read())


def test_mnists_files_get_a_border_where_the_net_wants_more(tmp_path):
    header = struct.pack(">4I", 2051, 300, 2, 3)
    (tmp_path / "t10k-images-idx3-ubyte.gz").write_bytes(gzip.compress(header + IMAGES.tobytes()))
    labels = struct.pack(">2I", 2049, 300) + LABELS.astype(np.uint8).tobytes()
    (tmp_path / "t10k-labels-idx1-ubyte").write_bytes(labels)
    source = open_labelled(str(tmp_path), (1, 5, 7))
    image, label = list(source.read())[11]
    assert (source.count, label) == (300, LABELS[11])
    expected = np.zeros((1, 5, 7), np.uint8)
    expected[0, 1:3, 2:5] = IMAGES[11]
    assert np.array_equal(image, expected)
    assert next(open_labelled(str(tmp_path), (1, 2, 3)).read())[0].shape == (1, 2, 3)


def test_a_list_of_files(tmp_path):
    pixels = np.zeros((4, 6, 3), np.uint8)
    pixels[..., 0] = 200  # red
    Image.fromarray(pixels).save(tmp_path / "a b.png")
    (tmp_path / "list.txt").write_text("a b.png 5\na b.png 2\n")
    source = open_labelled(str(tmp_path / "list.txt"), (3, 8, 9), f"{tmp_path}/")
    (first, label), (_, other) = source.read()
    assert (source.count, label, other, first.shape) == (2, 5, 2, (3, 8, 9))
    assert first[:, 3, 4].tolist() == [0, 0, 200]  # blue first
    gray, _ = next(open_labelled(str(tmp_path / "list.txt"), (1, 4, 6), f"{tmp_path}/").read())
    assert gray.shape == (1, 4, 6)


def test_there_is_nothing(tmp_path):
    with pytest.raises(DataError, match="no LMDB|data.mdb"):
        open_labelled(str(tmp_path), (1, 2, 3))
    with pytest.raises(DataError, match='image list "nothing" does not exist.'):
        open_labelled("nothing", (1, 2, 3))
