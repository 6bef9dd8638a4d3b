"""Crop: a drawn case, the twin over axes and offsets, gradients, recorded values, bad offsets."""

import numpy as np
import pytest

from netdef.errors import LayerError
from tests.naive.crop import crop, crop_backward
from tests.support.gradients import check_gradients
from tests.support.nets import golden_layer, make_layer, run_layer

SHAPE = (2, 3, 5, 6)


def text(fields="", top="t"):
    return f'layer {{ name: "L" type: "Crop" bottom: "b" bottom: "size" top: "{top}" crop_param {{ {fields} }} }}'


def draw(shape=SHAPE):
    return np.random.default_rng(1701).normal(size=shape)


def test_by_hand():
    #  0  1  2  3
    #  4  5  6  7     from row 1 and column 2 on, 2 by 2
    #  8  9 10 11
    bottom = np.arange(12).reshape(1, 1, 3, 4)
    run = run_layer(text("offset: 1 offset: 2"), [bottom, np.zeros((1, 1, 2, 2))]).backward([[[[[1, 2], [3, 4]]]]])
    np.testing.assert_array_equal(run.top[0].data[0, 0], [[6, 7], [10, 11]])
    np.testing.assert_array_equal(run.bottom[0].diff[0, 0], [[0, 0, 0, 0], [0, 0, 1, 2], [0, 0, 3, 4]])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(
    "fields, size, offsets",
    [
        ("", (1, 1, 3, 4), (0, 0, 0, 0)),
        ("offset: 2", (1, 7, 3, 4), (0, 0, 2, 2)),
        ("axis: 1 offset: 1", (9, 2, 4, 3), (0, 1, 1, 1)),
        ("axis: 1 offset: 0 offset: 2 offset: 1", (2, 3, 1, 5), (0, 0, 2, 1)),
        ("axis: -1 offset: 3", (2, 3, 5, 2), (0, 0, 0, 3)),
        ("axis: 0 offset: 1 offset: 0 offset: 0 offset: 0", (1, 3, 5, 6), (1, 0, 0, 0)),
        ("axis: 3", (2, 3, 5, 6), (0, 0, 0, 0)),
    ],
)
def test_twin(fields, size, offsets, dtype):
    bottom = draw()
    run = run_layer(text(fields), [bottom, np.zeros(size)], dtype=dtype)
    first = int(next((f for f in fields.split("axis: ")[1:]), "2").split()[0]) % 4
    shape = SHAPE[:first] + size[first:]
    assert run.top[0].shape == shape
    np.testing.assert_array_equal(run.top[0].data, crop(bottom, shape, offsets).astype(dtype))
    diff = draw(shape)
    run.bottom[1].diff[...] = 7
    run.backward([diff])
    np.testing.assert_array_equal(run.bottom[0].diff, crop_backward(SHAPE, offsets, diff).astype(dtype))
    assert not run.bottom[1].diff.any()
    np.testing.assert_array_equal(run.bottom[0].data, bottom.astype(dtype))


def test_only_wanted_gradients_are_written():
    run = run_layer(text(), [draw(), np.zeros((1, 1, 2, 2))])
    for blob in run.bottom:
        blob.diff[...] = 7
    run.backward(propagate_down=[False, False])
    assert all((blob.diff == 7).all() for blob in run.bottom)


def test_five_axes_and_new_shapes():
    run = run_layer(text("axis: 2 offset: 1"), [draw((2, 2, 3, 4, 5)), np.zeros((1, 1, 2, 2, 3))])
    np.testing.assert_array_equal(run.top[0].data, run.bottom[0].data[:, :, 1:3, 1:3, 1:4])
    run.bottom[1].reshape(1, 1, 1, 3, 4)
    run.forward()
    np.testing.assert_array_equal(run.top[0].data, run.bottom[0].data[:, :, 1:2, 1:4, 1:5])


@pytest.mark.parametrize("fields", ["offset: 1", "axis: 1 offset: 0 offset: 2 offset: 1"])
def test_gradients(fields):
    check_gradients(text(fields), [draw((2, 2, 3, 4)), np.zeros((2, 2, 1, 3))])


@pytest.mark.parametrize("name", ["crop", "crop_default"])
def test_golden(name):
    golden_layer(name)


@pytest.mark.parametrize(
    "fields, shape, message, field",
    [
        (
            "axis: 4",
            (1, 1, 2, 2),
            'axis is 4 but bottom "b" has shape (2, 3, 5, 6); axis must be from -4 to 3. Name an axis that it has.',
            "crop_param.axis",
        ),
        (
            "offset: 1 offset: 1 offset: 1",
            (1, 1, 2, 2),
            'has 3 offset for 2 cut axes, axis 2 and on of bottom "b" with shape (2, 3, 5, 6); '
            "give one for all axes or one for each.",
            "crop_param.offset",
        ),
        (
            "offset: 2",
            (1, 1, 3, 5),
            'along axis 3, 5 places from offset 2 on are asked for, but bottom "b" has shape (2, 3, 5, 6), 6 places '
            "there; offset must be at most 1. Lower it.",
            "crop_param.offset",
        ),
        (
            "",
            (1, 1, 6, 5),
            'along axis 2, 6 places from offset 0 on are asked for, but bottom "b" has shape (2, 3, 5, 6), 5 places '
            'there; that is too few. Make bottom "size" smaller.',
            "bottom[1]",
        ),
        (
            "",
            (5, 6),
            'bottom "size" has shape (5, 6) but bottom "b" has shape (2, 3, 5, 6); the second gives the sizes from '
            "axis 2 on and must have as many axes. Reshape it.",
            "bottom[1]",
        ),
    ],
)
def test_errors(fields, shape, message, field):
    with pytest.raises(LayerError) as caught:
        make_layer(text(fields), [draw(), np.zeros(shape)])
    assert str(caught.value) == f'layer "L" (Crop): {message}'
    assert caught.value.field == field


def test_in_place_is_refused():
    with pytest.raises(LayerError) as caught:
        make_layer(text(top="b"), [draw(), draw()])
    assert str(caught.value) == (
        'layer "L" (Crop): bottom "b" is also a top; this type cannot compute in place. Give the top a name of its own.'
    )
