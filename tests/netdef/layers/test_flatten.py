import numpy as np
import pytest

from netdef.errors import LayerError
from tests.naive.flatten import flattened_shape
from tests.support.gradients import check_gradients
from tests.support.nets import golden_layer, make_layer, run_layer

SHAPE = (2, 3, 4, 5)


def text(fields="", top="t"):
    return f'layer {{ name: "L" type: "Flatten" bottom: "b" top: "{top}" flatten_param {{ {fields} }} }}'


def values(shape=SHAPE):
    return np.random.default_rng(1701).normal(size=shape)


def test_by_hand():
    run = run_layer(text(), [[[[1, 2], [3, 4]], [[5, 6], [7, 8]]]])
    np.testing.assert_array_equal(run.top[0].data, [[1, 2, 3, 4], [5, 6, 7, 8]])


@pytest.mark.parametrize("axis", range(-4, 4))
@pytest.mark.parametrize("end_axis", range(-4, 4))
def test_twin(axis, end_axis):
    if end_axis % 4 < axis % 4:
        pytest.skip("an error, tested below")
    run = run_layer(text(f"axis: {axis} end_axis: {end_axis}"), [values()], dtype=np.float64)
    assert run.top[0].shape == flattened_shape(SHAPE, axis, end_axis)
    np.testing.assert_array_equal(run.top[0].data.reshape(-1), values().reshape(-1))


def test_memory_is_shared_both_ways():
    run = run_layer(text(), [values()])
    assert run.top[0].shares_data_with(run.bottom[0])
    diff = values((2, 60)).astype(np.float32)
    run.backward([diff])
    np.testing.assert_array_equal(run.bottom[0].diff, diff.reshape(SHAPE))
    assert np.shares_memory(run.bottom[0].diff, run.top[0].diff)


def test_a_bottom_that_wants_no_gradient_gets_none():
    run = run_layer(text(), [values()]).backward([values((2, 60))], [False])
    assert not run.bottom[0].diff.any()


def test_follows_a_bottom_that_is_reshaped():
    run = run_layer(text(), [values()])
    run.bottom[0].reshape(6, 3, 4, 7)
    run.bottom[0].data[...] = 3
    run.forward()
    assert run.top[0].shape == (6, 84) and (run.top[0].data == 3).all()


def test_gradients():
    check_gradients(text("axis: 0 end_axis: 1"), [values((2, 3, 4))])


@pytest.mark.parametrize("name", ["flatten", "flatten_axes"])
def test_golden(name):
    golden_layer(name)


@pytest.mark.parametrize(
    "fields, top, message, field",
    [
        (
            "axis: 4",
            "t",
            'axis is 4 but bottom "b" has shape (2, 3, 4, 5); axis must be from -4 to 3. Name an axis that it has.',
            "flatten_param.axis",
        ),
        (
            "end_axis: -5",
            "t",
            'end_axis is -5 but bottom "b" has shape (2, 3, 4, 5); end_axis must be from -4 to 3. '
            "Name an axis that it has.",
            "flatten_param.end_axis",
        ),
        (
            "axis: 2 end_axis: 1",
            "t",
            'end_axis is 1 but axis is 2, counted from the front of bottom "b" with shape (2, 3, 4, 5); '
            "end_axis must not come before axis. Raise end_axis or lower axis.",
            "flatten_param.end_axis",
        ),
        (
            "",
            "b",
            'bottom "b" is also a top; this type cannot compute in place. Give the top a name of its own.',
            "top",
        ),
    ],
)
def test_errors(fields, top, message, field):
    with pytest.raises(LayerError) as caught:
        make_layer(text(fields, top), [np.zeros(SHAPE)])
    assert str(caught.value) == 'layer "L" (Flatten): ' + message
    assert caught.value.field == field
