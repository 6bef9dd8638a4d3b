"""``netdef draw`` as users meet it."""

from __future__ import annotations

import pytest
from PIL import Image

NET = """name: "tiny"
layer { name: "d" type: "Data" top: "data" top: "label" data_param { source: "gone" batch_size: 4 } }
layer { name: "s" type: "Power" bottom: "data" top: "s" }
layer { name: "q" type: "Silence" bottom: "label" }
"""


def size(path) -> tuple[int, int]:
    with Image.open(path) as image:
        return image.size


@pytest.fixture
def net(tmp_path):
    (tmp_path / "net.prototxt").write_text(NET)
    return "net.prototxt"


def test_a_png_beside_where_one_stands(run, net, tmp_path):
    result = run("draw", net, "--shape", "3,5,6")
    width, height = size(tmp_path / "net.png")
    assert (result.status, result.out, result.err) == (0, f"net.png: {width // 2} x {height // 2}\n", "")


def test_both_formats_from_left_to_right(run, net, tmp_path):
    result = run(
        "draw", net, "-o", "a.png", "-o", "a.svg", "-rankdir=LR", "--no_shapes", "--scale", "1", "-phase", "TRAIN"
    )
    assert (result.status, result.err) == (0, "")
    width, height = size(tmp_path / "a.png")
    assert width > height
    assert "TRAIN phase" in (tmp_path / "a.svg").read_text()


def test_shapes_that_are_not_known_are_left_out_with_a_word(run, net):
    result = run("draw", net)
    assert result.status == 0
    assert result.err == (
        'Drawn without shapes: net.prototxt:2:1: layer "d" (Data): the shape of "data" is not known: source "gone" '
        "does not exist here, and transform_param has no crop_size. Give it without the batch: --shape C,H,W.\n"
    )


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["-o", "a.pdf"], '"a.pdf" does not end in .png or .svg, which says what to write. Name it so.\n'),
        (["--rankdir", "BT"], 'netdef draw: --rankdir is "BT"; expected TB or LR. See "netdef help draw".\n'),
        (["--scale", "0"], 'netdef draw: --scale is "0"; expected a number from 0.1 to 10. See "netdef help draw".\n'),
        (["--shape", "date=3"],
         'a shape is given for "date", which is not an input. Did you mean "data"? Inputs: data.\n'),
    ],
)  # fmt: skip
def test_wrong_usage(run, net, words, message):
    result = run("draw", net, *words)
    assert (result.status, result.out, result.err) == (2, "", message)
