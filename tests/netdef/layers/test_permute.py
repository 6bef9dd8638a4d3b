"""Permute: a drawn case, the twin over all orders, gradients, bad orders."""

from itertools import permutations

import numpy as np
import pytest

from netdef.errors import LayerError
from tests.naive.permute import permute, permute_backward
from tests.support.gradients import check_gradients
from tests.support.nets import make_layer, run_layer

SHAPE = (2, 3, 4, 5)


def text(order=(), top="t"):
    fields = " ".join(f"order: {axis}" for axis in order)
    return f'layer {{ name: "L" type: "Permute" bottom: "b" top: "{top}" permute_param {{ {fields} }} }}'


def draw(shape=SHAPE):
    return np.random.default_rng(1701).normal(size=shape)


def test_by_hand():
    run = run_layer(text((1, 0)), [[[1, 2, 3], [4, 5, 6]]]).backward([[[1, 4], [2, 5], [3, 6]]])
    np.testing.assert_array_equal(run.top[0].data, [[1, 4], [2, 5], [3, 6]])
    np.testing.assert_array_equal(run.bottom[0].diff, [[1, 2, 3], [4, 5, 6]])


@pytest.mark.parametrize("order", list(permutations(range(4))))
def test_twin(order):
    bottom = draw()
    run = run_layer(text(order), [bottom], dtype=np.float64)
    wanted = permute(bottom, order)
    assert run.top[0].shape == wanted.shape
    np.testing.assert_array_equal(run.top[0].data, wanted)
    diff = draw(wanted.shape)
    run.backward([diff])
    np.testing.assert_array_equal(run.bottom[0].diff, permute_backward(diff, order))
    np.testing.assert_array_equal(run.bottom[0].data, bottom)


def test_axes_that_are_not_named_follow():
    bottom = draw()
    np.testing.assert_array_equal(run_layer(text((2,)), [bottom]).top[0].data, bottom.transpose(2, 0, 1, 3).astype("f"))


def test_their_own_order_shares_memory():
    run = run_layer(text((0, 1)), [draw()])
    assert run.top[0].shares_data_with(run.bottom[0])
    run.backward([draw()])
    np.testing.assert_array_equal(run.bottom[0].diff, draw().astype(np.float32))


def test_sizes_of_one_and_many_values():
    for shape in ((1, 70, 1, 1000), (3, 1, 1, 1)):
        bottom = draw(shape).astype(np.float32)
        run = run_layer(text((0, 2, 3, 1)), [bottom]).backward([bottom.transpose(0, 2, 3, 1)])
        np.testing.assert_array_equal(run.top[0].data, bottom.transpose(0, 2, 3, 1))
        np.testing.assert_array_equal(run.bottom[0].diff, bottom)


@pytest.mark.parametrize("order", [(0, 2, 3, 1), (0, 1)])
def test_no_gradient_without_propagate_down(order):
    run = run_layer(text(order), [draw()])
    run.bottom[0].diff[...] = 7
    run.backward(propagate_down=[False])
    assert (run.bottom[0].diff == 7).all()


def test_gradients():
    check_gradients(text((0, 2, 3, 1)), [draw((1, 2, 3, 4))])


@pytest.mark.parametrize(
    "order, message, position",
    [
        (
            (0, 4),
            'order names axis 4 but bottom "b" has shape (2, 3, 4, 5); axes go from 0 to 3. Name an axis that it has.',
            1,
        ),
        ((0, 2, 0), "order names axis 0 twice; each axis has one place in the top. Take one of them away.", 2),
    ],
)
def test_errors(order, message, position):
    with pytest.raises(LayerError) as caught:
        make_layer(text(order), [draw()])
    assert str(caught.value) == f'layer "L" (Permute): {message}'
    assert caught.value.field == f"permute_param.order[{position}]"


def test_in_place_is_refused():
    with pytest.raises(LayerError) as caught:
        make_layer(text(top="b"), [draw()])
    assert str(caught.value) == (
        'layer "L" (Permute): bottom "b" is also a top; this type cannot compute in place. '
        "Give the top a name of its own."
    )
