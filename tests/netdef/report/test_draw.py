"""The scene of a drawing: what is in it, where, and as which file."""

from __future__ import annotations

import io
import xml.etree.ElementTree as ElementTree

import pytest
from PIL import Image

from netdef.errors import NetdefError, UsageError
from netdef.report.draw import draw
from netdef.report.picture import check_format, encode_scene, net_scene, save_scene
from netdef.report.png import flatten, to_png
from netdef.report.scene import Box, Curve, Scene, Shape, Text
from netdef.report.svg import to_svg
from prototxt import load_net, parse_net, schema

NET = """
name: "tiny"
layer { name: "data" type: "Input" top: "data" input_param { shape { dim: 2 dim: 3 dim: 6 dim: 5 } } }
layer { name: "flat" type: "Flatten" bottom: "data" top: "flat" }
layer { name: "scale" type: "Power" bottom: "flat" top: "flat" power_param { scale: 2 } }
layer { name: "prob" type: "Softmax" bottom: "flat" top: "prob" }
"""


def texts(scene: Scene) -> list[str]:
    return [mark.text for mark in scene.marks if isinstance(mark, Text)]


def test_everything_is_written():
    scene, reason = net_scene(parse_net(NET))
    assert reason == ""
    assert texts(scene) == [
        "tiny", "TEST phase · 4 layers · 0 parameters", "2 x 3 x 6 x 5", "2 x 90", "2 x 90", "data", "Input",
        "flat", "Flatten", "scale · Power · 2x", "prob", "Softmax",
    ]  # fmt: skip


def test_every_mark_is_inside_the_picture():
    for rankdir in ("TB", "LR"):
        scene, _ = net_scene(parse_net(NET), rankdir=rankdir)
        for mark in scene.marks:
            if isinstance(mark, Box):
                assert 0 <= mark.x and mark.x + mark.width <= scene.width
                assert 0 <= mark.y and mark.y + mark.height <= scene.height


def test_boxes_follow_one_another_in_the_chosen_direction():
    down, _ = net_scene(parse_net(NET), rankdir="TB")
    across, _ = net_scene(parse_net(NET), rankdir="LR")
    assert down.height > down.width
    assert across.width > across.height


def test_another_direction():
    with pytest.raises(UsageError) as error:
        draw([], rankdir="BT")
    assert str(error.value) == 'rankdir is "BT"; expected TB or LR.'


def test_without_shapes_when_they_cannot_be_known():
    net = NET.replace("Power", "Unheard").replace("power_param { scale: 2 }", "")
    scene, reason = net_scene(parse_net(net, "net.prototxt"))
    assert reason.startswith('net.prototxt:5:23: layer "scale" (Unheard): unknown layer type "Unheard".')
    assert "2 x 90" not in texts(scene)


def test_the_train_view_where_the_test_view_lacks_layers():
    net = NET.replace('name: "data"', 'name: "data" include { phase: TRAIN }')
    assert texts(net_scene(parse_net(net), with_shapes=False)[0])[1] == "TRAIN phase · 4 layers"
    with pytest.raises(NetdefError):
        net_scene(parse_net(net), schema.TEST)


def test_no_layer_to_draw():
    with pytest.raises(NetdefError) as error:
        net_scene(parse_net("", "empty.prototxt"))
    assert str(error.value) == "empty.prototxt: there is no layer to draw in this phase, level and stage."


SCENE = Scene(
    40,
    30,
    marks=[
        Box(4, 5, 20, 10, 2, "#ff0000", "#0000ff", 2),
        Curve(((30, 2), (30, 2), (30, 28), (30, 28)), "#00ff00", 2),
        Shape(((2, 20), (12, 20), (2, 28)), "#ffff00"),
        Text(20, 24, "a<b", 10, "#000000", "middle", "#ffffff"),
    ],
)


def test_png():
    image = to_png(SCENE, 2.0)
    assert image.size == (80, 60)
    assert image.getpixel((28, 20)) == (255, 0, 0)
    assert image.getpixel((8, 20)) == (0, 0, 255)
    assert image.getpixel((60, 20)) == (0, 255, 0)
    assert image.getpixel((5, 43)) == (255, 255, 0)
    assert image.getpixel((78, 58)) == (255, 255, 255)


def test_png_in_strips_is_seamless(monkeypatch):
    whole = to_png(SCENE, 2.0)
    monkeypatch.setattr("netdef.report.png.STRIP", 7)
    assert to_png(SCENE, 2.0).tobytes() == whole.tobytes()


def test_svg_is_xml_with_the_same_marks():
    root = ElementTree.fromstring(to_svg(SCENE))
    tags = [element.tag.rpartition("}")[2] for element in root]
    assert tags == ["rect", "rect", "path", "polygon", "text"]
    assert root[-1].text == "a<b"
    assert root.get("viewBox") == "0 0 40 30"


def test_flatten_ends_where_the_curve_ends():
    line = flatten(Curve(((0, 0), (0, 5), (10, 5), (10, 10)), "#000000"))
    assert line[0] == (0, 0)
    assert line[-1] == pytest.approx((10, 10))
    assert flatten(Curve(((3, 0), (3, 0), (3, 9), (3, 9)), "#000000")) == [(3, 0), (3, 9)]


def test_files(tmp_path):
    save_scene(SCENE, str(tmp_path / "a.svg"))
    save_scene(SCENE, str(tmp_path / "a.PNG"), 1.0)
    assert (tmp_path / "a.svg").read_text() == to_svg(SCENE)
    assert Image.open(io.BytesIO((tmp_path / "a.PNG").read_bytes())).size == (40, 30)


def test_another_format():
    with pytest.raises(UsageError) as error:
        check_format("net.pdf")
    assert str(error.value) == '"net.pdf" does not end in .png or .svg, which says what to write. Name it so.'


def test_a_picture_too_large():
    with pytest.raises(UsageError) as error:
        encode_scene(Scene(30000, 20000), ".png", 1.0)
    assert str(error.value) == "the picture would have 30000 x 20000 pixels. Give a smaller --scale, or write .svg."


def test_googlenet_is_drawn_quickly(zoo_dir):
    from time import perf_counter

    document = load_net(zoo_dir / "bvlc/models/bvlc_googlenet/train_val.prototxt")
    net_scene(document, with_shapes=False)
    start = perf_counter()
    scene, _ = net_scene(document, with_shapes=False)
    assert perf_counter() - start < 2.0
    assert len(texts(scene)) > 150
