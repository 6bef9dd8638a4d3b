"""What stands in the pictures."""

from __future__ import annotations

import io
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image

from netdef.inference import Classifier
from netdef.net import Net
from netdef.report.gallery.answers import answers_scene, percent, score
from netdef.report.gallery.confusion import confusion_scene
from netdef.report.gallery.evaluation import Answer, Evaluation
from netdef.report.gallery.feature_maps import feature_scene, stages_of
from netdef.report.gallery.filters import filters_scene, first_filters
from netdef.report.gallery.rasters import encode
from netdef.report.png import to_png
from netdef.report.scene import Box, Raster, Scene, Text
from netdef.report.svg import to_svg
from prototxt import parse_net

NAMES = ["cat", "dog", "a very long name of a class"]


def words(scene: Scene) -> list[str]:
    return [mark.text for mark in scene.marks if isinstance(mark, Text)]


def of_kind(scene: Scene, kind) -> list:
    return [mark for mark in scene.marks if isinstance(mark, kind)]


def inside(scene: Scene) -> bool:
    """Whether every box and picture lies in the picture."""
    return all(
        mark.x >= 0 and mark.y >= 0 and mark.x + mark.width <= scene.width and mark.y + mark.height <= scene.height
        for mark in scene.marks
        if isinstance(mark, (Box, Raster))
    )


def answer(number: int, label: int, output: list[float]) -> Answer:
    return Answer(number, np.full((1, 4, 6), 100, np.uint8), label, np.array(output, np.float32))


def test_answers():
    counts = np.array([[3, 0, 0], [0, 1, 0], [1, 0, 0]])
    right, wrong = [answer(0, 0, [0.9, 0.1, 0])] * 9, [answer(4, 2, [0.625, 0.25, 0.125])]
    scene = answers_scene(Evaluation(counts, right, wrong), NAMES, "the title")
    found = words(scene)
    assert found[:3] == ["the title", "4 of 5 right: 80.00 %", "Right, 9 of 4"]
    assert found[3:12] == ["cat  90.0 %"] * 9
    assert found[12:14] == ["Wrong, 1 of 1, the surest first", "cat  62.5 %"]
    assert found[14].startswith("is a v") and found[14].endswith("…  12.5 %")
    assert len(of_kind(scene, Raster)) == 10
    assert {(raster.width / raster.height) for raster in of_kind(scene, Raster)} == {1.5}
    assert inside(scene)
    none = answers_scene(Evaluation(counts, right, []), NAMES, "the title")
    assert words(none)[-1] == "Wrong: none"


def test_scores():
    assert score(np.array([0.25, 0.75]), 1) == "75.0 %"
    assert score(np.array([-3.0, 12.5]), 1) == "12.5"
    assert [percent(1, 3), percent(1, 3, 2), percent(0, 0)] == ["33.3 %", "33.33 %", "–"]


def test_confusion():
    counts = np.array([[8, 2, 0], [0, 0, 0], [1, 0, 1500]])
    scene = confusion_scene(counts, ["cat", "dog", "cow"], "the title")
    found = words(scene)
    assert found[:2] == ["the title", "1,508 of 1,511 right: 99.80 %"]
    assert [word for word in found if word in ("8", "2", "0", "1", "1,500")] == ["8", "2", "1", "1,500"]
    assert [found.count(name) for name in ("cat", "dog", "cow")] == [2, 2, 2]
    assert "80.0 %" in found and "–" in found and "88.9 %" in found  # recall, none, precision
    cells = of_kind(scene, Box)
    assert len(cells) == 9
    assert cells[3].fill == cells[2].fill == "#f6f7f8"  # nothing there
    assert cells[8].fill != cells[0].fill != cells[1].fill
    assert inside(scene)


def test_confusion_of_many_classes_has_no_numbers():
    scene = confusion_scene(np.eye(200, dtype=int), [str(n) for n in range(200)], "the title")
    assert words(scene) == ["the title", "200 of 200 right: 100.00 %", "answer", "label"]
    assert inside(scene)


INPUT = (
    'layer {{ name: "data" type: "Input" top: "data" input_param {{ shape {{ dim: 1 dim: {} dim: 4 dim: 6 }} }} }}\n'
)
CONV = """layer {{ name: "{0}" type: "Convolution" bottom: "{1}" top: "{0}"
                   convolution_param {{ num_output: 5 kernel_size: {2} weight_filler {{ type: "xavier" }} }} }}\n"""
DENSE = """layer { name: "ip" type: "InnerProduct" bottom: "data" top: "ip"
                   inner_product_param { num_output: 7 weight_filler { type: "xavier" } } }\n"""


@pytest.mark.parametrize(
    ("text", "name", "shape", "tiles"),
    [
        (INPUT.format(1) + CONV.format("c", "data", 3), "c", (5, 1, 3, 3), 5),
        (INPUT.format(3) + CONV.format("one", "data", 1) + CONV.format("c", "one", 3), "c", (5, 5, 3, 3), 25),
        (INPUT.format(3) + CONV.format("c", "data", 3), "c", (5, 3, 3, 3), 5),
        (INPUT.format(2) + DENSE, "ip", (7, 2, 4, 6), 14),
    ],
)
def test_filters(text, name, shape, tiles):
    with Net(parse_net(text), seed=3) as net:
        found = first_filters(net)
        assert (found[0], found[1].shape) == (name, shape)
        scene = filters_scene(*found, "the title")
        greatest = f"{np.abs(found[1]).max():.3g}"
    assert len(of_kind(scene, Raster)) == tiles
    assert words(scene)[:2] == ["the title", f"{name}: {' x '.join(map(str, shape))}"]
    meaning = "blue, green and red as in images" if shape[1] == 3 else f"blue -{greatest}, white 0, red {greatest}"
    assert words(scene)[2] == meaning
    assert inside(scene)


@pytest.mark.parametrize(("filters", "columns"), [(2, 2), (6, 6), (20, 6), (64, 11)])
def test_filters_of_one_channel_stand_in_rows_of_six_or_more(filters, columns):
    scene = filters_scene("c", np.ones((filters, 1, 5, 5), np.float32), "the title")
    assert len({mark.x for mark in of_kind(scene, Raster)}) == columns


def test_no_filters():
    with Net(parse_net(INPUT.format(1) + CONV.format("c", "data", 1))) as net:
        assert first_filters(net) is None


def test_many_filters_are_cut():
    scene = filters_scene("c", np.ones((300, 40, 3, 3), np.float32), "the title")
    assert words(scene)[1] == "c: 300 x 40 x 3 x 3, the first 16 of 300, 16 of 40 channels"
    assert len(of_kind(scene, Raster)) == 256


STAGES = INPUT.format(1) + CONV.format("c", "data", 3) + """
layer { name: "r" type: "ReLU" bottom: "c" top: "c" }
layer { name: "p" type: "Pooling" bottom: "c" top: "p" pooling_param { kernel_size: 2 stride: 2 } }
layer { name: "q" type: "Power" bottom: "c" top: "q" }
layer { name: "ip" type: "InnerProduct" bottom: "p" top: "ip"
        inner_product_param { num_output: 3 weight_filler { type: "xavier" } } }
layer { name: "prob" type: "Softmax" bottom: "ip" top: "prob" }
layer { name: "s" type: "Silence" bottom: "q" }
"""  # fmt: skip


def test_stages_and_their_picture():
    image = np.random.default_rng(3).integers(0, 255, (1, 4, 6)).astype(np.uint8)
    with Net(parse_net(STAGES), seed=3) as net:
        classifier = Classifier(net)
        stages = stages_of(classifier, image)
        assert [(stage.layers, stage.values.shape) for stage in stages] == [
            ("c (Convolution) · r (ReLU)", (5, 2, 4)), ("p (Pooling)", (5, 1, 2)), ("q (Power)", (5, 2, 4)),
            ("ip (InnerProduct)", (3,)), ("prob (Softmax)", (3,)),
        ]  # fmt: skip
        net.run()
        assert np.array_equal(stages[0].values, net.blobs["c"].data[0])
        assert np.array_equal(stages[-1].values, net.blobs["prob"].data[0])
    scene = feature_scene(image, stages, NAMES, "the title")
    found = words(scene)
    assert found[2:4] == [
        stages[0].layers,
        f"5 x 2 x 4, from {stages[0].values.min():.3g} to {stages[0].values.max():.3g}",
    ]
    assert len(of_kind(scene, Raster)) == 1 + 5 + 5 + 5 + 1
    assert len(of_kind(scene, Box)) == 3
    assert f"{100 * stages[-1].values[1]:.1f} %" in found
    assert inside(scene)


def test_large_stages_are_cut():
    from netdef.report.gallery.feature_maps import Stage

    stages = [Stage("c", np.zeros((100, 2, 2))), Stage("f", np.zeros(5000))]
    scene = feature_scene(np.zeros((3, 2, 2), np.uint8), stages, NAMES, "the title")
    assert [word for word in words(scene) if word.endswith("more")] == ["and 4 more", "and 4,100 more"]
    assert inside(scene)


def test_rasters_in_both_formats():
    png = encode(np.array([[0, 200], [100, 100]], np.uint8))
    scene = Scene(40, 30, marks=[Raster(10, 5, 20, 20, png)])
    image = np.asarray(to_png(scene, 2.0))
    assert image.shape == (60, 80, 3)
    assert [image[row, column, 0] for row, column in ((12, 22), (12, 58), (48, 22), (48, 58), (8, 22))] == [
        0, 200, 100, 100, 255
    ]  # fmt: skip
    shrunk = np.asarray(to_png(Scene(4, 4, marks=[Raster(1, 1, 1, 1, png)]), 1.0))
    assert shrunk[1, 1].tolist() == [100, 100, 100]  # the mean
    (found,) = [item for item in ElementTree.fromstring(to_svg(scene)) if item.tag.endswith("image")]
    assert [found.get(key) for key in ("x", "y", "width", "height")] == ["10.0", "5.0", "20.0", "20.0"]
    assert found.get("href").startswith("data:image/png;base64,iVBOR")
    assert Image.open(io.BytesIO(png)).size == (2, 2)
