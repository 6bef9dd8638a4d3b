"""ReLU6: a drawn case, the twin, gradients."""

import numpy as np
import pytest

from tests.naive.elementwise import relu6
from tests.support.elementwise import check_elementwise, layer_text, values
from tests.support.gradients import check_gradients
from tests.support.nets import run_layer


def text(slope, top="t"):
    return layer_text("ReLU6", f"relu6_param {{ negative_slope: {slope} }}" if slope else "", top)


def test_by_hand():
    run = run_layer(text(0.5), [[-2, 0, 3, 6, 7, np.nan]]).backward([[1, 1, 1, 1, 1, 0]])
    np.testing.assert_array_equal(run.top[0].data, [-1, 0, 3, 6, 6, np.nan])
    np.testing.assert_array_equal(run.bottom[0].diff, [0.5, 0.5, 1, 0, 0, 0])


@pytest.mark.parametrize("slope", [0, 0.25, -0.5])
def test_twin(slope):
    check_elementwise("ReLU6", text(slope).partition('"t"')[2].rpartition("}")[0], relu6(slope), values(-9, 9))


@pytest.mark.parametrize("slope, top", [(0, "t"), (0.25, "b"), (-0.5, "b")])
def test_gradients(slope, top):
    check_gradients(text(slope, top), [values(-9, 9, (2, 3, 5))], kink_range=0.01)
