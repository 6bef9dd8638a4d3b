"""Clip: a drawn case, the twin, gradients, recorded values, bad bounds."""

import numpy as np
import pytest

from netdef.errors import LayerError
from tests.naive.elementwise import clip
from tests.support.elementwise import check_elementwise, layer_text, values
from tests.support.gradients import check_gradients
from tests.support.nets import golden_layer, make_layer, run_layer

BOUNDS = "clip_param { min: -0.5 max: 0.75 }"


def test_by_hand():
    run = run_layer(layer_text("Clip", BOUNDS), [[-2, -0.5, 0, 0.75, 1]]).backward([[1, 2, 3, 4, 5]])
    np.testing.assert_array_equal(run.top[0].data, [-0.5, -0.5, 0, 0.75, 0.75])
    np.testing.assert_array_equal(run.bottom[0].diff, [0, 2, 3, 4, 0])


@pytest.mark.parametrize("low, high", [(-0.5, 0.75), (1, 1), (-1, float("inf"))])
def test_twin(low, high):
    check_elementwise("Clip", f"clip_param {{ min: {low} max: {high} }}", clip(low, high), values())


def test_nan_becomes_the_least():
    np.testing.assert_array_equal(run_layer(layer_text("Clip", BOUNDS), [[np.nan]]).top[0].data, [-0.5])


@pytest.mark.parametrize("top", ["t", "b"])
def test_gradients(top):
    check_gradients(layer_text("Clip", BOUNDS, top), [values(shape=(2, 3, 5))], kink_range=0)


def test_golden():
    golden_layer("clip")


@pytest.mark.parametrize(
    "fields, message, field",
    [
        ("", "has no min; both bounds are needed. Add clip_param { min: … max: … }.", "clip_param"),
        (
            "clip_param { min: 2 max: -1.5 }",
            "min is 2 but max is -1.5; min must not be above max. Swap them.",
            "clip_param.min",
        ),
    ],
)
def test_errors(fields, message, field):
    with pytest.raises(LayerError) as caught:
        make_layer(layer_text("Clip", fields), [values()])
    assert str(caught.value) == f'layer "L" (Clip): {message}'
    assert caught.value.field == field
