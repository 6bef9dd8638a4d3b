"""Answers that are kept and counted."""

from __future__ import annotations

import numpy as np
import pytest

from netdef.data.labelled import LabelledSource
from netdef.errors import DataError
from netdef.inference import Classifier
from netdef.net import Net
from netdef.report.gallery.evaluation import chosen_image, evaluate, run_batch
from prototxt import parse_net

# Three classes: the first, second and third pixel, each of 0 to 255, times 1/255 and a weight of 10.
NET = """
layer { name: "data" type: "Input" top: "data" input_param { shape { dim: 4 dim: 1 dim: 1 dim: 3 } }
        transform_param { scale: 0.003921569 } }
layer { name: "ten" type: "Power" bottom: "data" top: "ten" power_param { scale: 10 } }
layer { name: "prob" type: "Softmax" bottom: "flat" top: "prob" }
""".replace(
    'layer { name: "prob"', 'layer { name: "flat" type: "Flatten" bottom: "ten" top: "flat" }\nlayer { name: "prob"'
)


def image(answer: int, value: int) -> np.ndarray:
    pixels = np.zeros((1, 1, 3), np.uint8)
    pixels[0, 0, answer] = value
    return pixels


# label, answer, how sure
CASES = [(0, 0, 9), (1, 1, 9), (1, 2, 200), (0, 0, 50), (2, 0, 90), (0, 0, 200), (1, 0, 100), (2, 2, 70), (0, 1, 60)]


def source(cases=CASES) -> LabelledSource:
    return LabelledSource("the cases", len(cases), lambda: iter([(image(a, v), label) for label, a, v in cases]))


@pytest.fixture
def classifier():
    with Net(parse_net(NET)) as net:
        yield Classifier(net)


def test_counts(classifier):
    found = evaluate(classifier, source(), 4)
    assert found.counts.tolist() == [[3, 1, 0], [1, 1, 1], [1, 0, 1]]
    assert (found.correct, found.total) == (5, 9)


def test_right_answers_of_all_classes_and_the_surest_wrong_ones(classifier):
    found = evaluate(classifier, source(), 4)
    assert [answer.number for answer in found.right] == [0, 1, 3, 7]
    assert [(answer.number, answer.label, answer.answer) for answer in found.wrong] == [
        (2, 1, 2), (6, 1, 0), (4, 2, 0), (8, 0, 1)
    ]  # fmt: skip
    assert np.array_equal(found.wrong[0].image, image(2, 200))
    assert [answer.number for answer in evaluate(classifier, source(), 1).wrong] == [2]
    assert evaluate(classifier, source(), 4, limit=3).total == 3


def test_more_images_than_a_batch(classifier):
    many = source(CASES * 13)
    found = evaluate(classifier, many, 200)
    assert found.counts.tolist() == [[39, 13, 0], [13, 13, 13], [13, 0, 13]]
    assert [answer.number for answer in found.right] == [
        n for n, (label, best, _) in enumerate(CASES * 13) if label == best
    ]
    (output,) = run_batch(classifier, [image(1, 255)])
    powers = np.exp([0, 10, 0])
    assert output == pytest.approx(powers / powers.sum(), rel=1e-4)


def test_a_chosen_image():
    pixels, label = chosen_image(source(), 4)
    assert (pixels.tolist(), label) == ([[[90, 0, 0]]], 2)
    with pytest.raises(DataError) as caught:
        chosen_image(source(), 9)
    assert str(caught.value) == "the cases has 9 images; number 9 is not among them. Give 0 to 8."


def test_labels_that_are_no_classes(classifier):
    with pytest.raises(DataError) as caught:
        evaluate(classifier, source([(0, 0, 9), (3, 0, 9)]), 4)
    assert str(caught.value) == (
        "image 1 of the cases has the label 3; the net has 3 classes, from 0 to 2. "
        "Take the images that the net was trained for."
    )
