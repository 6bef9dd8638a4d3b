"""ArgMax: a drawn case, the twin over options, ties, recorded values, bad fields."""

import numpy as np
import pytest

from netdef.errors import LayerError
from tests.naive.arg_max import arg_max
from tests.support.nets import golden_layer, make_layer, run_layer

SHAPE = (2, 3, 4, 5)


def text(fields="", top="t"):
    return f'layer {{ name: "L" type: "ArgMax" bottom: "b" top: "{top}" argmax_param {{ {fields} }} }}'


def test_by_hand():
    bottom = [[[3, 9, 4]], [[7, 2, 5]]]
    assert run_layer(text("top_k: 2"), [bottom]).top[0].data.tolist() == [[[1, 2]], [[0, 2]]]
    both = run_layer(text("top_k: 2 out_max_val: true"), [bottom]).top[0].data.tolist()
    assert both == [[[1, 2], [9, 4]], [[0, 2], [7, 5]]]
    assert run_layer(text("axis: 0"), [bottom]).top[0].data.tolist() == [[[1, 0, 1]]]
    assert run_layer(text("axis: 0 out_max_val: true"), [bottom]).top[0].data.tolist() == [[[7, 9, 5]]]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("out_max_val", [False, True])
@pytest.mark.parametrize("top_k", [1, 2, 3])
@pytest.mark.parametrize("axis", [None, 1, 2, -1])
@pytest.mark.parametrize("shape", [SHAPE, (4, 6, 3)])
def test_twin(shape, axis, top_k, out_max_val, dtype, rng):
    bottom = rng.integers(0, 6, shape).astype(dtype)  # with many ties
    fields = f"top_k: {top_k} out_max_val: {str(out_max_val).lower()}" + ("" if axis is None else f" axis: {axis}")
    run = run_layer(text(fields), [bottom], dtype=dtype)
    wanted = arg_max(bottom, top_k, None if axis is None else axis % len(shape), out_max_val)
    assert run.top[0].shape == wanted.shape
    np.testing.assert_array_equal(run.top[0].data, wanted)
    np.testing.assert_array_equal(run.bottom[0].data, bottom)


@pytest.mark.parametrize("shape, top", [((4,), (4, 1, 1)), ((4, 3), (4, 1, 1)), ((2, 3, 4, 5, 6), (2, 1, 1, 1, 1))])
def test_shapes(shape, top):
    assert run_layer(text(), [np.zeros(shape)]).top[0].shape == top


def test_of_equals_the_later_goes_before():
    assert run_layer(text("top_k: 4"), [[[5, 7, 5, 7, 5]]]).top[0].data.reshape(-1).tolist() == [3, 1, 4, 2]


def test_all_of_an_item():
    bottom = np.random.default_rng(3).permutation(70000).reshape(7, 10000)
    run = run_layer(text("top_k: 5"), [bottom])
    np.testing.assert_array_equal(run.top[0].data[:, 0], np.argsort(-bottom, axis=1)[:, :5])


@pytest.mark.parametrize("name", ["argmax", "argmax_axis", "argmax_topk"])
def test_golden(name):
    golden_layer(name)


@pytest.mark.parametrize(
    "fields, message, field",
    [
        (
            "top_k: 0",
            'top_k is 0 but bottom "b" has shape (2, 3, 4, 5), 60 values in an item; top_k must be from 1 to 60. '
            "Correct it.",
            "argmax_param.top_k",
        ),
        (
            "top_k: 4 axis: 1",
            'top_k is 4 but bottom "b" has shape (2, 3, 4, 5), 3 values along axis 1; top_k must be from 1 to 3. '
            "Correct it.",
            "argmax_param.top_k",
        ),
        (
            "axis: -5",
            'axis is -5 but bottom "b" has shape (2, 3, 4, 5); axis must be from -4 to 3. Name an axis that it has.',
            "argmax_param.axis",
        ),
    ],
)
def test_errors(fields, message, field):
    with pytest.raises(LayerError) as caught:
        make_layer(text(fields), [np.zeros(SHAPE)])
    assert str(caught.value) == f'layer "L" (ArgMax): {message}'
    assert caught.value.field == field


def test_no_gradient():
    run = run_layer(text(), [np.zeros(SHAPE)])
    assert not run.layer.allow_force_backward(0)
    run.backward(propagate_down=[False])
    with pytest.raises(LayerError) as caught:
        run.backward(propagate_down=[True])
    assert str(caught.value) == (
        'layer "L" (ArgMax): a gradient was asked for; places have none. Let no layer that leads to a loss read its '
        "top, or set propagate_down to false."
    )


def test_in_place_is_refused():
    with pytest.raises(LayerError) as caught:
        make_layer(text(top="b"), [np.zeros(SHAPE)])
    assert str(caught.value) == (
        'layer "L" (ArgMax): bottom "b" is also a top; this type cannot compute in place. '
        "Give the top a name of its own."
    )
