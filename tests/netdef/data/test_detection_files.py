"""Files of detections: what SSD's Caffe wrote of the same boxes, and every way in which the inputs can be unfit."""

from __future__ import annotations

import json

import numpy as np
import pytest

from netdef.data.detection_files import DetectionFiles, pixels, read_class_names, read_names_and_sizes
from netdef.errors import DataError, NetdefError
from prototxt import schema

LABELS = "".join(
    f'item {{ name: "{name}" label: {label} display_name: "{name}" }} '
    for label, name in enumerate(("none", "cat", "12"))
)
ROWS = np.array(
    [
        [0, 1, 0.75, 0.1, 0.2, 0.5, 0.6],
        [0, 2, 0.123456789, -0.1, 0.25, 1.2, 0.75],
        [1, 2, 0.5, 0.333, 0.111, 0.777, 0.999],
    ]
)


@pytest.fixture
def save(tmp_path, monkeypatch):
    """A SaveOutputParameter whose files are there."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "labels.prototxt").write_text(LABELS)
    (tmp_path / "sizes.txt").write_text("000001 30 40\n\n7 100 55\nmore 9 9\n")
    return schema.SaveOutputParameter(
        output_directory="deep/out", output_name_prefix="det_", output_format="VOC", label_map_file="labels.prototxt",
        name_size_file="sizes.txt", num_test_image=2,
    )  # fmt: skip


def written(save, rows=ROWS, times=1):
    files = DetectionFiles(save, [1, 2])
    for _ in range(times):
        for image in (0, 1):
            files.add(rows[rows[:, 0] == image])
    return files


def test_voc(save, tmp_path):
    written(save, times=2)
    out = tmp_path / "deep" / "out"
    assert sorted(path.name for path in out.iterdir()) == ["det_12.txt", "det_cat.txt"]
    assert (out / "det_cat.txt").read_text() == "000001 0.75 4 6 20 18\n"
    assert (out / "det_12.txt").read_text() == "000001 0.123457 0 7 40 22\n7 0.5 18 11 42 99\n"


def test_ilsvrc(save, tmp_path):
    save.output_format = "ILSVRC"
    written(save)
    assert (tmp_path / "deep/out/det_.txt").read_text() == (
        "000001 1 0.75 4 6 20 18\n000001 2 0.123457 0 7 40 22\n7 2 0.5 18 11 42 99\n"
    )


def test_coco(save, tmp_path):
    save.output_format = "COCO"
    written(save)
    found = json.loads((tmp_path / "deep/out/det_.json").read_text())
    assert found == [
        {"image_id": "000001", "category_id": "cat", "bbox": [4, 6, 16, 12], "score": 0.75},
        {"image_id": "000001", "category_id": 12, "bbox": [0, 7.5, 40, 15], "score": 0.123456791},
        {"image_id": 7, "category_id": 12, "bbox": pytest.approx([18.32, 11.1, 24.42, 88.8]), "score": 0.5},
    ]


def test_nothing_is_written_before_the_last_image_and_empty_files_of_nothing(save, tmp_path):
    files = DetectionFiles(save, [1, 2])
    files.add(ROWS[:0])
    assert list((tmp_path / "deep" / "out").iterdir()) == []
    files.add(ROWS[:0])
    assert [path.read_text() for path in (tmp_path / "deep" / "out").iterdir()] == ["", ""]


RESIZE = schema.ResizeParameter
BOX = np.array([[0.25, 0.25, 0.5, 0.875]], np.float32)


@pytest.mark.parametrize(
    "fields, expected",
    [
        (None, [10, 7.5, 20, 26.25]),
        ({"resize_mode": RESIZE.WARP}, [10, 7.5, 20, 26.25]),
        ({"resize_mode": RESIZE.FIT_SMALL_SIZE}, [10, 7.5, 20, 26.25]),
        ({"resize_mode": RESIZE.FIT_SMALL_SIZE, "height_scale": 32, "width_scale": 60}, [15, 8, 30, 28]),
        # 40x30 shrunk to 20x15 on a square of 20: 1/8 of it empty above and below
        ({"resize_mode": RESIZE.FIT_LARGE_SIZE_AND_PAD, "height": 20, "width": 20}, [10, 5, 20, 30]),
        # 40x30 shrunk to 20x15 in 40x15: a quarter empty on either side
        ({"resize_mode": RESIZE.FIT_LARGE_SIZE_AND_PAD, "height": 15, "width": 40}, [0, 7.5, 20, 26.25]),
    ],
)
def test_pixels(fields, expected):
    resize = None if fields is None else RESIZE(**fields)
    np.testing.assert_allclose(pixels(BOX, 30, 40, resize)[0], expected, rtol=1e-6)


def test_a_box_in_the_padding_stays():
    resize = RESIZE(resize_mode=RESIZE.FIT_LARGE_SIZE_AND_PAD, height=20, width=20)
    box = np.array([[0.25, 0.0, 0.5, 0.1]], np.float32)
    np.testing.assert_allclose(pixels(box, 30, 40, resize)[0], [10, 0, 20, 3], rtol=1e-6)


def failure(save) -> str:
    with pytest.raises(NetdefError) as caught:
        DetectionFiles(save, [1, 2])
    return str(caught.value)


def test_files_that_cannot_be_used(save, tmp_path):
    save.num_test_image = 4
    assert failure(save) == "num_test_image is 4, but sizes.txt has 3 images. Correct one of them."
    save.num_test_image = 0
    assert DetectionFiles(save, [1, 2]).count == 3
    (tmp_path / "deep" / "file").write_text("")
    save.output_directory = "deep/file/out"
    assert failure(save) == 'output_directory "deep/file/out" cannot be made: Not a directory. Name another one.'
    save.resize_param.resize_mode = RESIZE.FIT_LARGE_SIZE_AND_PAD
    assert failure(save) == (
        "resize_param has height 0 and width 0; expected the size that images were resized to, in pixels. Set both."
    )
    save.ClearField("resize_param")
    (tmp_path / "labels.prototxt").write_text('item { name: "cat" label: 1 }')
    assert failure(save) == (
        "labels.prototxt: has no name for class 2; expected one for each class but the background. "
        "Add an item for each."
    )
    save.label_map_file = "none"
    assert failure(save) == "none: no such file; expected a prototxt. Check the path."


def test_lists_that_cannot_be_read(tmp_path):
    (tmp_path / "labels").write_text('item { name: "a" label: 1 } item { name: "b" label: 1 }')
    (tmp_path / "sizes").write_text("a 3 4\nb 0 4\n")
    (tmp_path / "empty").write_text("\n")
    cases = [
        (
            read_class_names,
            "labels",
            'names the class 1 twice, "a" and "b"; expected one name for each. Take one away.',
        ),
        (read_names_and_sizes, "empty", "is empty; expected a name, a height and a width on each line. Fill it."),
    ]
    for function, name, message in cases:
        with pytest.raises(DataError) as caught:
            function(str(tmp_path / name))
        assert str(caught.value) == f"{tmp_path / name}: {message}"
    with pytest.raises(DataError) as caught:
        read_names_and_sizes(str(tmp_path / "sizes"))
    assert str(caught.value) == (
        f'{tmp_path / "sizes"}:2:1: found "b 0 4"; expected a name, the height and the width in pixels. '
        "Correct the line."
    )
