"""The gradient checker is checked: it must pass a right layer and catch wrong ones."""

import numpy as np
import pytest

from netdef.layer import LAYERS, Layer, exactly
from prototxt import schema
from tests.support.gradients import check_gradients

TEXT = 'layer {{ name: "L" type: "{}" bottom: "b" top: "t" }}'
BOTTOM = [np.random.default_rng(0).normal(size=(2, 3))]


class Squares(Layer):
    """top = scale * bottom**2, with a learned scale; the factors below make its gradients wrong."""

    num_bottom, num_top = exactly(1), exactly(1)
    bottom_factor = param_factor = 1.0

    def layer_setup(self, bottom, top):
        self.add_param((1,), schema.FillerParameter(type="constant", value=2), "filler")

    def reshape(self, bottom, top):
        top[0].reshape_like(bottom[0])

    def forward(self, bottom, top):
        top[0].data[...] = self.blobs[0].data[0] * bottom[0].data ** 2

    def backward(self, top, propagate_down, bottom):
        scale, diff, data = self.blobs[0].data[0], top[0].diff, bottom[0].data
        self.blobs[0].diff[0] += self.param_factor * (diff * data**2).sum()
        bottom[0].diff[...] = self.bottom_factor * 2 * scale * diff * data


class RightSquares(Squares):
    pass


class WrongBottom(Squares):
    bottom_factor = 1.01


class WrongParam(Squares):
    param_factor = 0.99


@pytest.fixture(autouse=True)
def registered(monkeypatch):
    """The layers above are known here only: other tests walk the registry."""
    classes = {"TestSquares": RightSquares, "TestWrongBottom": WrongBottom, "TestWrongParam": WrongParam}
    monkeypatch.setattr(LAYERS, "_entries", {**LAYERS._entries, **classes})


def test_a_right_layer_passes():
    check_gradients(TEXT.format("TestSquares"), BOTTOM)


@pytest.mark.parametrize("type_name, label", [("TestWrongBottom", "bottom 0"), ("TestWrongParam", "param 0")])
def test_a_wrong_layer_is_caught(type_name, label):
    with pytest.raises(AssertionError, match=label + r".*objective top 0 element \d+: backward gives"):
        check_gradients(TEXT.format(type_name), BOTTOM)
