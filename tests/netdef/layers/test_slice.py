import numpy as np
import pytest

from netdef.errors import LayerError
from tests.naive.slice import concat, cut
from tests.support.gradients import check_gradients
from tests.support.nets import golden_layer, make_layer, run_layer

SHAPE = (4, 6, 2, 8)


def text(tops, fields="", name="t"):
    names = " ".join(f'top: "{name}{i}"' for i in range(tops))
    return f'layer {{ name: "L" type: "Slice" bottom: "b0" {names} slice_param {{ {fields} }} }}'


def test_by_hand():
    run = run_layer(text(2, "slice_point: 2"), [[[1, 2, 3], [4, 5, 6]]])
    np.testing.assert_array_equal(run.top[0].data, [[1, 2], [4, 5]])
    np.testing.assert_array_equal(run.top[1].data, [[3], [6]])
    run.backward([[[10, 20], [40, 50]], [[30], [60]]])
    np.testing.assert_array_equal(run.bottom[0].diff, [[10, 20, 30], [40, 50, 60]])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(
    "fields, axis, sizes",
    [
        ("", 1, (3, 3)),
        ("", 1, (2, 2, 2)),
        ("axis: 0 slice_point: 1", 0, (1, 3)),
        ("axis: -1 slice_point: 1 slice_point: 6", 3, (1, 5, 2)),
        ("slice_dim: 2", 2, (1, 1)),
        ("slice_point: 1 slice_point: 4", 1, (1, 3, 2)),
    ],
)
def test_twin(fields, axis, sizes, dtype):
    generator = np.random.default_rng(1701)
    values = generator.normal(size=SHAPE).astype(dtype)
    run = run_layer(text(len(sizes), fields), [values], dtype=dtype)
    for top, part in zip(run.top, cut(values, sizes, axis)):
        np.testing.assert_array_equal(top.data, part)
    np.testing.assert_array_equal(run.bottom[0].data, values)
    diffs = [generator.normal(size=top.shape).astype(dtype) for top in run.top]
    run.backward(diffs)
    np.testing.assert_array_equal(run.bottom[0].diff, concat(diffs, axis))
    for top, diff in zip(run.top, diffs):
        np.testing.assert_array_equal(top.diff, diff)


def test_a_bottom_that_wants_no_gradient_gets_none():
    for tops in (1, 2):
        run = run_layer(text(tops), [np.zeros(SHAPE)])
        run.backward([np.ones(top.shape) for top in run.top], [False])
        assert not run.bottom[0].diff.any()


def test_one_top_shares_the_memory_of_the_bottom():
    run = run_layer(text(1), [np.ones(SHAPE)])
    assert run.top[0].shape == SHAPE and run.top[0].shares_data_with(run.bottom[0])
    run.backward([np.full(SHAPE, 5)])
    np.testing.assert_array_equal(run.bottom[0].diff, np.full(SHAPE, 5))


@pytest.mark.parametrize("fields", ["", "axis: 0 slice_point: 1"])
def test_gradients(fields):
    check_gradients(text(2, fields), [np.random.default_rng(3).normal(size=(3, 4, 2))])


@pytest.mark.parametrize("name", ["slice", "slice_even"])
def test_golden(name):
    golden_layer(name)


@pytest.mark.parametrize(
    "tops, fields, message, field",
    [
        (
            2,
            "axis: 1 slice_dim: 2",
            "axis is 1 and slice_dim is 2; both name the cut axis. Keep axis alone.",
            "slice_param.slice_dim",
        ),
        (
            3,
            "slice_point: 2",
            "has 1 slice_point for 3 tops; there must be one fewer than tops, 2, or none for equal parts. "
            "Correct slice_point or the tops.",
            "slice_param.slice_point",
        ),
        (
            4,
            "",
            'bottom "b0" has shape (4, 6, 2, 8); axis 1, 6, cannot be cut into 4 equal parts. '
            "Give slice_point, or as many tops as divide it.",
            "slice_param",
        ),
        (
            3,
            "slice_point: 4 slice_point: 2",
            'slice_point is 4, 2 but bottom "b0" has shape (4, 6, 2, 8); the points must rise and lie between 0 and 6, '
            "the size of axis 1. Correct slice_point.",
            "slice_param.slice_point",
        ),
        (
            2,
            "slice_point: 6",
            'slice_point is 6 but bottom "b0" has shape (4, 6, 2, 8); the points must rise and lie between 0 and 6, '
            "the size of axis 1. Correct slice_point.",
            "slice_param.slice_point",
        ),
        (
            2,
            "axis: -5",
            'axis is -5 but bottom "b0" has shape (4, 6, 2, 8); axis must be from -4 to 3. Name an axis that it has.',
            "slice_param.axis",
        ),
    ],
)
def test_errors(tops, fields, message, field):
    with pytest.raises(LayerError) as caught:
        make_layer(text(tops, fields), [np.zeros(SHAPE)])
    assert str(caught.value) == 'layer "L" (Slice): ' + message
    assert caught.value.field == field


def test_in_place_is_refused():
    with pytest.raises(LayerError) as caught:
        make_layer(text(2, name="b"), [np.zeros(SHAPE)])
    assert str(caught.value) == (
        'layer "L" (Slice): bottom "b0" is also a top; this type cannot compute in place. '
        "Give the top a name of its own."
    )
