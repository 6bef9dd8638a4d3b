"""Shapes from definitions and from files."""

from __future__ import annotations

import h5py
import numpy as np
import pytest
from PIL import Image

from netdef.data.datum import encode_datum
from netdef.data.lmdb_writer import LmdbWriter
from netdef.data.mean import write_mean
from netdef.deploy.sources import source_shape
from prototxt import parse_net


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def find(text: str, top: int = 0):
    notes: list[str] = []
    (layer,) = parse_net(f'layer {{ name: "d" top: "data" top: "label" {text} }}').message.layer
    shape, missing = source_shape(layer, top, notes)
    return shape, missing, notes


def write_lmdb(path: str, image: np.ndarray) -> None:
    with LmdbWriter(path) as writer:
        writer.put(b"00000000", encode_datum(image, 3))


@pytest.mark.parametrize(
    ("text", "top", "shape"),
    [
        ('type: "Input" input_param { shape { dim: 9 dim: 2 dim: 3 } }', 1, (2, 3)),
        ('type: "Input" input_param { shape { dim: 9 dim: 2 } shape { dim: 9 } }', 1, ()),
        ('type: "DummyData" dummy_data_param { shape { dim: 9 dim: 2 } shape { dim: 9 dim: 4 } }', 1, (4,)),
        ('type: "DummyData" dummy_data_param { num: 9 channels: 2 channels: 5 height: 3 width: 4 }', 1, (5, 3, 4)),
        ('type: "MemoryData" memory_data_param { channels: 2 height: 3 width: 4 }', 0, (2, 3, 4)),
        ('type: "MemoryData" memory_data_param { channels: 2 height: 3 width: 4 }', 1, ()),
        ('type: "MemoryData" memory_data_param { channels: 2 height: 3 width: 4 } transform_param { crop_size: 2 }', 0,
         (2, 2, 2)),
        ('type: "ImageData" image_data_param { new_height: 5 new_width: 6 }', 0, (3, 5, 6)),
        ('type: "ImageData" image_data_param { new_height: 5 new_width: 6 is_color: false }', 0, (1, 5, 6)),
        ('type: "ImageData" transform_param { crop_size: 4 } image_data_param { is_color: false }', 0, (1, 4, 4)),
        ('type: "ImageData" image_data_param { new_height: 5 new_width: 6 } transform_param { pad: 2 }', 0, (3, 9, 10)),
        ('type: "ImageData" image_data_param { new_height: 5 new_width: 6 } transform_param { pad: 2 crop_size: 8 }', 0,
         (3, 8, 8)),
        ('type: "WindowData" transform_param { crop_size: 4 }', 0, (3, 4, 4)),
        ('type: "Data" transform_param { crop_size: 4 force_gray: true }', 0, (1, 4, 4)),
        ('type: "Data" transform_param { crop_size: 4 force_color: true }', 0, (3, 4, 4)),
        ('type: "Data" transform_param { crop_size: 4 mean_value: 1 mean_value: 2 }', 0, (2, 4, 4)),
        ('type: "Data"', 1, ()),
    ],
)  # fmt: skip
def test_what_the_definition_tells(text, top, shape):
    assert find(text, top) == (shape, "", [])


def test_the_first_record():
    write_lmdb("records", np.zeros((2, 7, 5), np.uint8))
    text = 'type: "Data" data_param { source: "records" backend: LMDB } transform_param { %s }'
    assert find(text % "") == ((2, 7, 5), "", [])
    assert find(text % "crop_size: 4") == ((2, 4, 4), "", [])


def test_the_first_image(folder):
    Image.new("L", (5, 7)).save(folder / "a b.png")
    (folder / "list.txt").write_text("a b.png 3\n")
    assert find(f'type: "ImageData" image_data_param {{ source: "list.txt" root_folder: "{folder}/" }}')[0] == (3, 7, 5)


def test_a_dataset(folder):
    with h5py.File(folder / "part.h5", "w") as content:
        content["data"] = np.zeros((4, 2, 3))
    (folder / "list.txt").write_text("part.h5\n")
    text = 'type: "HDF5Data" hdf5_data_param { source: "list.txt" }'
    assert find(text) == ((2, 3), "", [])
    assert find(text, 1) == (
        None,
        'source "list.txt" cannot be read ("part.h5" has no dataset "label"; it has data)',
        [],
    )


def test_the_mean_file_before_a_guess():
    write_mean("mean.binaryproto", np.zeros((2, 7, 5), np.float32))
    text = 'type: "Data" data_param { source: "gone" } transform_param { mean_file: "mean.binaryproto" %s }'
    assert find(text % "") == ((2, 7, 5), "", [])
    assert find(text % "crop_size: 3") == ((2, 3, 3), "", [])


def test_three_channels_are_a_guess_that_is_told():
    shape, _, notes = find('type: "Data" data_param { source: "gone" } transform_param { crop_size: 4 }')
    assert shape == (3, 4, 4)
    assert notes == [
        '"data" was taken to have 3 channels, crop_size being all that is known: source "gone" does not exist here. '
        "--shape C,4,4 says otherwise."
    ]


@pytest.mark.parametrize(
    ("text", "missing"),
    [
        ('type: "Python"', "a Python layer does not tell it"),
        ('type: "Data"', "no source is named, and transform_param has no crop_size"),
        ('type: "Data" data_param { source: "x" }',
         'source "x" does not exist here, and transform_param has no crop_size'),
        ('type: "HDF5Data" hdf5_data_param { source: "x" }', 'source "x" does not exist here'),
        ('type: "DummyData"', "dummy_data_param has no shape"),
        ('type: "Input"', "input_param has no shape"),
        ('type: "WindowData"', "the windows have no size of their own, and transform_param has no crop_size"),
    ],
)  # fmt: skip
def test_what_is_lacking(text, missing):
    assert find(text) == (None, missing, [])
