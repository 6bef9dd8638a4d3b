"""Softmax: a drawn case, the naive twin, gradients, recorded values, errors."""

import numpy as np
import pytest

from netdef.errors import LayerError
from tests.naive.softmax import softmax, softmax_backward
from tests.support.gradients import check_gradients
from tests.support.nets import golden_layer, make_layer, run_layer

TEXT = 'name: "prob" type: "Softmax" bottom: "ip" top: "prob"'


def with_axis(axis):
    return f"{TEXT} softmax_param {{ axis: {axis} }}"


def test_drawn_case():
    # exp of the rows:  1 3 4    and, with the maximum 1000 taken away,  1 1 2
    bottom = np.log([[1, 3, 4], [1, 1, 2]]) + [[0], [1000]]
    run = run_layer(TEXT, [bottom])
    assert np.allclose(run.top[0].data, [[1 / 8, 3 / 8, 4 / 8], [1 / 4, 1 / 4, 2 / 4]], atol=1e-4)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("axis", [0, 1, 2, -1])
def test_naive_twin(rng, dtype, axis):
    bottom, top_diff = rng.normal(0, 2, (2, 2, 3, 4, 5)).astype(dtype)
    given = bottom.copy()
    run = run_layer(with_axis(axis), [bottom], dtype=dtype).backward([top_diff])
    tolerance = 1e-6 if dtype == np.float32 else 1e-14
    expected = softmax(bottom, axis % 4)
    assert run.top[0].shape == (2, 3, 4, 5)
    assert np.allclose(run.top[0].data, expected, atol=tolerance)
    assert np.allclose(run.bottom[0].diff, softmax_backward(expected, top_diff, axis % 4), atol=tolerance)
    assert np.array_equal(run.bottom[0].data, given)


@pytest.mark.parametrize("axis", [1, 2])
def test_gradients(rng, axis):
    check_gradients(with_axis(axis), [rng.normal(size=(2, 3, 4))])


def test_in_place(rng):
    bottom, top_diff = rng.normal(size=(2, 4, 3))
    apart = run_layer(TEXT, [bottom]).backward([top_diff])
    in_place = run_layer(TEXT.replace('"prob"', '"ip"'), [bottom]).backward([top_diff])
    assert np.array_equal(in_place.top[0].data, apart.top[0].data)
    assert np.array_equal(in_place.bottom[0].diff, apart.bottom[0].diff)


def test_nothing_is_written_without_propagate_down(rng):
    run = run_layer(TEXT, [rng.normal(size=(2, 3))])
    run.bottom[0].diff[...] = 7
    run.backward([np.ones((2, 3))], propagate_down=[False])
    assert (run.bottom[0].diff == 7).all()


@pytest.mark.parametrize("name", ["softmax", "softmax_axis2"])
def test_recorded(name):
    golden_layer(name)


def test_no_such_axis():
    with pytest.raises(LayerError) as caught:
        make_layer(with_axis(2), [np.zeros((2, 3))])
    assert str(caught.value) == (
        'layer "prob" (Softmax): axis is 2 but bottom "ip" has shape (2, 3); axis must be from -2 to 1. '
        "Name an axis that it has."
    )
    assert caught.value.field == "softmax_param.axis"
