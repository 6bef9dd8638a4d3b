"""convert_imageset, compute_image_mean, mean and resize: from image files to a mean image."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from netdef.data.database import open_database
from netdef.data.datum import decode_datum
from netdef.data.mean import load_mean
from tests.tools.nets import log_messages


@pytest.fixture
def pictures(tmp_path, rng):
    """Three colour images of 5 x 4 pixels, and the list of them."""
    folder = tmp_path / "images"
    (folder / "sub").mkdir(parents=True)
    pixels = rng.integers(0, 256, (3, 5, 4, 3), dtype=np.uint8)
    names = ["a.png", "sub/b b.png", "c.png"]
    for name, array in zip(names, pixels):
        Image.fromarray(array).save(folder / name)
    (tmp_path / "list.txt").write_text("".join(f"{name} {label}\n" for label, name in enumerate(names)))
    return pixels


def records(path, backend=None):
    with open_database(path, backend) as source:
        keys = [source.key_of(index) for index in range(source.entries)]
        return keys, [decode_datum(record) for record in source.read(source.entries)]


def test_a_database_of_images(run, pictures):
    result = run("convert_imageset", "images/", "list.txt", "db")
    assert (result.status, result.out) == (0, "db: 3 records.\n")
    assert log_messages(result.err) == ["A total of 3 images.", "Processed 3 files."]
    keys, found = records("db")
    assert keys == ["00000000_a.png", "00000001_sub/b b.png", "00000002_c.png"]
    for label, ((image, read_label), pixels) in enumerate(zip(found, pictures)):
        assert read_label == label
        np.testing.assert_array_equal(image, pixels.transpose(2, 0, 1)[::-1])


def test_flags(run, pictures):
    words = ["--resize_height=6", "-resize_width", 7, "-gray", "--shuffle", "--seed=2", "--check_size", "--overwrite"]
    for _ in range(2):
        assert run("convert_imageset", *words, "images/", "list.txt", "db").status == 0
    keys, found = records("db")
    assert sorted(key[9:] for key in keys) == ["a.png", "c.png", "sub/b b.png"]
    assert [image.shape for image, _ in found] == [(1, 6, 7)] * 3


def test_leveldb(run, pictures):
    pytest.importorskip("plyvel")
    assert run("convert_imageset", "--backend=leveldb", "--encoded", "images/", "list.txt", "db").status == 0
    assert len(records("db", "leveldb")[1]) == 3


def test_images_that_cannot_be_read_are_left_out(run, pictures, tmp_path):
    (tmp_path / "images" / "a.png").write_text("no image")
    result = run("convert_imageset", "images/", "list.txt", "db")
    assert (result.status, result.out) == (0, "db: 2 records, 1 images left out.\n")
    assert 'image "images/a.png" is not an image in a format known here' in result.err
    result = run("convert_imageset", "nowhere/", "list.txt", "db2")
    assert result.status == 1
    assert result.err.endswith(
        'none of the images of "list.txt" could be read; the first is "nowhere/a.png". '
        "Correct the list, or ROOTFOLDER/, which stands before each name as it is.\n"
    )
    assert not (tmp_path / "db2").exists()


def test_one_side_alone(run, pictures):
    result = run("convert_imageset", "--resize_width=3", "images/", "list.txt", "db")
    assert (result.status, result.err) == (
        2,
        "netdef convert_imageset: --resize_height is 0 and --resize_width 3; expected both or none.\n",
    )


def test_the_mean_of_a_database(run, pictures):
    run("convert_imageset", "images/", "list.txt", "db")
    result = run("compute_image_mean", "db", "mean.binaryproto")
    expected = pictures.mean(axis=0).transpose(2, 0, 1)[::-1]
    messages = log_messages(result.err)
    assert messages[:4] == [
        "Starting iteration",
        "Processed 3 files.",
        "Write to mean.binaryproto",
        "Number of channels: 3",
    ]
    assert messages[4:] == [f"mean_value channel [{k}]: {expected[k].mean():g}" for k in range(3)]
    np.testing.assert_allclose(load_mean("mean.binaryproto"), expected, rtol=1e-6)
    assert run("compute_image_mean", "-backend", "lmdb", "db").status == 0


def test_means_from_one_kind_to_the_other(run, tmp_path, rng):
    mean = rng.random((3, 4, 5)).astype(np.float32)
    np.save(tmp_path / "a.npy", mean)
    assert run("mean", "a.npy", "b.binaryproto").out.startswith("b.binaryproto: 3 x 4 x 5, from ")
    assert run("mean", "b.binaryproto", "c.npy").status == 0
    np.testing.assert_array_equal(np.load(tmp_path / "c.npy"), mean)
    result = run("mean", "a.npy", "c.npy")
    assert (result.status, result.err) == (
        2,
        'netdef mean: "a.npy" and "c.npy" are of the same kind; expected one that ends in .npy and one that does '
        "not.\n",
    )
    np.save(tmp_path / "d.npy", mean[0])
    result = run("mean", "d.npy", "e")
    assert result.err == 'array "d.npy" has shape (4, 5); expected (channels, height, width). Reshape it.\n'


def size(path):
    with Image.open(path) as image:
        return image.size


def test_sizes(run, pictures):
    result = run("resize", "--input_folder", "images", "--output_folder", "small", "--output_side_length", 3)
    assert (result.status, result.out) == (0, "small: 3 images.\n")
    assert size("small/sub/b b.png") == (3, 3)
    run("resize", "--input_folder=images", "--output_folder=wide", "--width=8", "--height=2", "a.png")
    assert size("wide/a.png") == (8, 2)


@pytest.mark.parametrize(
    "words, status, message",
    [
        (["--input_folder=images", "--output_folder=images"], 2,
         "netdef resize: the images would be overwritten. Give another --output_folder.\n"),
        (["--input_folder=none", "--output_folder=x"], 1,
         '"none" is not a folder; expected the folder of the images. Correct the path.\n'),
        (["--input_folder=images", "--output_folder=x", "--width=3"], 2,
         "netdef resize: --width and --height are given together or not at all.\n"),
        (["--input_folder=images", "--output_folder=x", "a.doc"], 2,
         'netdef resize: "a.doc" does not end as images do: .jpg, .jpeg, .png, .bmp, .gif, .tif, .tiff, .webp.\n'),
    ],
)  # fmt: skip
def test_what_cannot_be_resized(run, pictures, words, status, message):
    result = run("resize", *words)
    assert (result.status, result.err) == (status, message)


# -- against Caffe's own files -----------------------------------------------------------------------------------

RECORDED = {
    "color_lmdb": ["--resize_height=32", "--resize_width=32"],
    "color_leveldb": ["--backend=leveldb", "--resize_height=32", "--resize_width=32"],
    "gray_lmdb": ["--gray", "--resize_width=30", "--resize_height=28"],
    "encoded_lmdb": ["--encoded", "--encode_type=png"],
}


@pytest.mark.parametrize("name", RECORDED)
def test_databases_are_caffes_byte_for_byte(run, recorded_dir, name):
    if name.endswith("leveldb"):
        pytest.importorskip("plyvel")
    data = recorded_dir / "data"
    assert run("convert_imageset", *RECORDED[name], f"{data}/images/", data / "list.txt", name).status == 0
    with open_database(data / name) as theirs, open_database(name) as ours:
        assert ours.entries == theirs.entries == 24
        assert [ours.key_of(i) for i in range(24)] == [theirs.key_of(i) for i in range(24)]
        assert [bytes(record) for record in ours.read(24)] == [bytes(record) for record in theirs.read(24)]


def test_the_mean_is_caffes_byte_for_byte(run, recorded_dir, tmp_path):
    data = recorded_dir / "data"
    assert run("compute_image_mean", data / "color_lmdb", "mean.binaryproto").status == 0
    assert (tmp_path / "mean.binaryproto").read_bytes() == (data / "mean.binaryproto").read_bytes()
