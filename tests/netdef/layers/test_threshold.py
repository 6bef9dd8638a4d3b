"""Threshold: a drawn case, the twin, recorded values, no gradient."""

import numpy as np
import pytest

from netdef.errors import LayerError
from tests.naive.elementwise import threshold
from tests.support.elementwise import check_elementwise, layer_text, values
from tests.support.nets import golden_layer, run_layer


def test_by_hand():
    run = run_layer(layer_text("Threshold", "threshold_param { threshold: 0.5 }"), [[-1, 0.5, 0.75, np.nan]])
    np.testing.assert_array_equal(run.top[0].data, [0, 0, 1, 0])


@pytest.mark.parametrize("bound", [0, 0.25, -1])
def test_twin(bound):
    fields = f"threshold_param {{ threshold: {bound} }}" if bound else ""
    check_elementwise("Threshold", fields, threshold(bound), values())


def test_golden():
    golden_layer("threshold")


def test_no_gradient():
    run = run_layer(layer_text("Threshold"), [values()])
    assert not run.layer.allow_force_backward(0)
    run.layer.backward(run.top, [False], run.bottom)
    with pytest.raises(LayerError) as caught:
        run.layer.backward(run.top, [True], run.bottom)
    assert str(caught.value) == (
        'layer "L" (Threshold): a gradient was asked for; a step has none. Let no layer that leads to a loss read '
        "its top, or set propagate_down to false."
    )
