"""Parameter: shape, gradient, recorded values, sums over several passes, bad shapes."""

import numpy as np
import pytest

from netdef.errors import LayerError
from tests.support.gradients import check_gradients
from tests.support.nets import golden_layer, golden_net, make_layer, run_layer


def text(dims):
    shape = " ".join(f"dim: {dim}" for dim in dims)
    return f'layer {{ name: "L" type: "Parameter" top: "t" parameter_param {{ shape {{ {shape} }} }} }}'


def test_the_top_is_the_parameter():
    run = run_layer(text((2, 3)), [])
    assert run.top[0].shape == (2, 3) and not run.top[0].data.any()
    run.layer.blobs[0].data[...] = [[1, 2, 3], [4, 5, 6]]
    np.testing.assert_array_equal(run.top[0].data, [[1, 2, 3], [4, 5, 6]])


def test_gradients_are_added_where_wanted():
    run = run_layer(text((2,)), []).backward([[1, 2]])
    np.testing.assert_array_equal(run.layer.blobs[0].diff, [1, 2])
    run.layer.backward(run.top, [], [])
    np.testing.assert_array_equal(run.layer.blobs[0].diff, [2, 4])
    run.layer.param_propagate_down = [False]
    run.layer.backward(run.top, [], [])
    np.testing.assert_array_equal(run.layer.blobs[0].diff, [2, 4])


def test_without_a_shape_it_is_a_scalar():
    assert run_layer('name: "L" type: "Parameter" top: "t"', []).top[0].shape == ()


def test_gradients():
    check_gradients(text((2, 3)), [])


@pytest.mark.parametrize("golden", [golden_layer, golden_net])
def test_golden(golden):
    golden("parameter")


@pytest.mark.parametrize("dims", [(3, 0), (-1,)])
def test_bad_shape(dims):
    with pytest.raises(LayerError) as caught:
        make_layer(text(dims), [])
    assert str(caught.value) == (
        f'layer "L" (Parameter): a blob of shape {dims} is asked for; every size must be at least 1. Correct it.'
    )
    assert caught.value.field == "parameter_param.shape"
