"""Swish: a drawn case, the twin, gradients, recorded values."""

import numpy as np
import pytest

from tests.naive.elementwise import swish
from tests.support.elementwise import check_elementwise, layer_text, values
from tests.support.gradients import check_gradients
from tests.support.nets import golden_layer, run_layer


def text(beta, top="t"):
    return layer_text("Swish", f"swish_param {{ beta: {beta} }}", top)


def test_by_hand():
    run = run_layer(layer_text("Swish"), [[0, np.log(3)]]).backward([[2, 0]])
    np.testing.assert_allclose(run.top[0].data, [0, 0.75 * np.log(3)], 1e-6)
    np.testing.assert_allclose(run.bottom[0].diff, [1, 0], 1e-6)


@pytest.mark.parametrize("beta", [1, 1.5, -2, 0])
def test_twin(beta):
    check_elementwise("Swish", f"swish_param {{ beta: {beta} }}" if beta != 1 else "", swish(beta), values())


@pytest.mark.parametrize("top", ["t", "b"])
def test_gradients(top):
    check_gradients(text(1.5, top), [values(shape=(2, 3, 5))])


def test_golden():
    golden_layer("swish")
