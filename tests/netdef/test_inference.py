"""From an image file to probabilities."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from netdef import TEST, Net, parse_net
from netdef.errors import DataError, NetError
from netdef.inference import Classifier, read_labels

# Six classes, one for each of 2x3 pixels: the softmax of the pixels.
PIXELWISE = """\
layer {
  name: "data" type: "Input" top: "data" input_param { shape { dim: 4 dim: 1 dim: 2 dim: 3 } }
  transform_param { scale: 0.0625 }
}
layer { name: "flat" type: "Flatten" bottom: "data" top: "flat" }
layer { name: "prob" type: "Softmax" bottom: "flat" top: "prob" }
"""
PIXELS = np.array([[0, 16, 32], [0, 0, 48]], np.uint8)


def net(text: str = PIXELWISE) -> Net:
    return Net(parse_net(text, "net.prototxt"), TEST)


@pytest.fixture
def picture(tmp_path):
    Image.fromarray(PIXELS).save(tmp_path / "a.png")
    return tmp_path / "a.png"


def test_the_transform_of_training_is_applied(picture):
    found = Classifier(net()).probabilities(picture)
    expected = np.exp(PIXELS.ravel() / 16.0)
    assert found.shape == (6,)
    assert found == pytest.approx(expected / expected.sum(), rel=1e-5)


def test_a_scale_goes_before_the_definition(picture):
    found = Classifier(net(), scale=0.0).probabilities(picture)
    assert found == pytest.approx(np.full(6, 1 / 6))


def test_the_best_classes_in_order():
    classifier = Classifier(net(), labels=list("abcdef"))
    probabilities = np.array([0.1, 0.2, 0.1, 0.3, 0.2, 0.1], np.float32)
    assert [name for name, _ in classifier.best(probabilities, 4)] == ["d", "b", "e", "a"]
    assert classifier.best(probabilities) == [("d", pytest.approx(0.3))]


def test_an_output_is_chosen(picture):
    found = Classifier(net(), output="flat").probabilities(picture)
    assert found == pytest.approx(PIXELS.ravel() / 16.0)


def test_unsuitable_nets():
    other = 'layer { name: "more" type: "Softmax" bottom: "flat" top: "more" }'
    cases = {
        PIXELWISE + other: "net.prototxt: the net has 2 outputs (more, prob); exactly 1 is expected. "
        "Choose one with --output.",
        PIXELWISE.replace(" dim: 3 ", " "): 'net.prototxt: the input "data" has shape (4, 1, 2); an image takes '
        "(num, channels, height, width). Run this net from Python.",
        'layer { name: "d" type: "DummyData" top: "d" dummy_data_param { shape { dim: 1 } } }': "net.prototxt: the net "
        'has 0 inputs (none); exactly 1 is expected, the image. Make a deploy net with "netdef deploy", or run the net '
        "from Python.",
    }
    for text, message in cases.items():
        with pytest.raises(NetError) as caught:
            Classifier(net(text))
        assert str(caught.value) == message


def test_labels(tmp_path):
    (tmp_path / "words.txt").write_text("cat\nd\u00f6g\n\n", encoding="utf-8")
    assert read_labels(tmp_path / "words.txt") == ["cat", "d\u00f6g"]
    with pytest.raises(DataError) as caught:
        Classifier(net(), labels=["cat", "dog"])
    assert str(caught.value) == (
        'there are 2 labels for the 6 classes of blob "prob"; the numbers must agree. '
        "Give one label for each class, one on each line."
    )
