"""ELU: a drawn case, the twin, gradients, recorded values."""

import numpy as np
import pytest

from tests.naive.elementwise import elu
from tests.support.elementwise import check_elementwise, layer_text, values
from tests.support.gradients import check_gradients
from tests.support.nets import golden_layer, run_layer


def test_by_hand():
    run = run_layer(layer_text("ELU", "elu_param { alpha: 2 }"), [[-np.log(2), 0, 3]]).backward([[1, 1, 5]])
    np.testing.assert_allclose(run.top[0].data, [-1, 0, 3], 1e-6)
    np.testing.assert_allclose(run.bottom[0].diff, [1, 2, 5], 1e-6)


@pytest.mark.parametrize("alpha", [1, 0.75, 0, -0.5])
def test_twin(alpha):
    check_elementwise("ELU", f"elu_param {{ alpha: {alpha} }}" if alpha != 1 else "", elu(alpha), values())


@pytest.mark.parametrize("top", ["t", "b"])
@pytest.mark.parametrize("alpha", [0.75, -0.5])
def test_gradients(alpha, top):
    fields = f"elu_param {{ alpha: {alpha} }}"
    check_gradients(layer_text("ELU", fields, top), [values(shape=(2, 3, 5))], kink_range=0.01)


def test_golden():
    golden_layer("elu")
