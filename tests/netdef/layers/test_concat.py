import numpy as np
import pytest

from netdef.errors import LayerError
from tests.naive.concat import concat, cut
from tests.support.gradients import check_gradients
from tests.support.nets import golden_layer, make_layer, run_layer


def text(bottoms, fields="", top="t"):
    names = " ".join(f'bottom: "b{i}"' for i in range(bottoms))
    return f'layer {{ name: "L" type: "Concat" {names} top: "{top}" concat_param {{ {fields} }} }}'


def draw(axis, sizes, seed=1701):
    generator = np.random.default_rng(seed)
    shapes = [[2, 3, 4, 5] for _ in sizes]
    for shape, size in zip(shapes, sizes):
        shape[axis] = size
    return [generator.normal(size=shape) for shape in shapes]


def test_by_hand():
    run = run_layer(text(2), [[[1, 2], [3, 4]], [[5], [6]]])
    np.testing.assert_array_equal(run.top[0].data, [[1, 2, 5], [3, 4, 6]])
    run.backward([[[10, 20, 30], [40, 50, 60]]])
    np.testing.assert_array_equal(run.bottom[0].diff, [[10, 20], [40, 50]])
    np.testing.assert_array_equal(run.bottom[1].diff, [[30], [60]])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(
    "fields, axis", [("", 1), ("axis: 0", 0), ("axis: 2", 2), ("axis: -1", 3), ("axis: -4", 0), ("concat_dim: 3", 3)]
)
@pytest.mark.parametrize("sizes", [(1, 6), (3, 1, 2)])
def test_twin(fields, axis, sizes, dtype):
    bottoms = draw(axis, sizes)
    run = run_layer(text(len(sizes), fields), bottoms, dtype=dtype)
    wanted = concat([b.astype(dtype) for b in bottoms], axis)
    np.testing.assert_array_equal(run.top[0].data, wanted)
    for blob, values in zip(run.bottom, bottoms):
        np.testing.assert_array_equal(blob.data, values.astype(dtype))
    diff = np.random.default_rng(1).normal(size=wanted.shape).astype(dtype)
    run.backward([diff])
    for blob, part in zip(run.bottom, cut(diff, sizes, axis)):
        np.testing.assert_array_equal(blob.diff, part)
    np.testing.assert_array_equal(run.top[0].diff, diff)


def test_many_values_go_through_the_parallel_kernel():
    bottoms = [np.random.default_rng(i).normal(size=(3, 2 + i, 20000)).astype(np.float32) for i in range(2)]
    run = run_layer(text(2), bottoms)
    np.testing.assert_array_equal(run.top[0].data, np.concatenate(bottoms, axis=1))
    run.backward([run.top[0].data])
    for blob, values in zip(run.bottom, bottoms):
        np.testing.assert_array_equal(blob.diff, values)


def test_only_wanted_gradients_are_written():
    bottoms = draw(1, (1, 6))
    run = run_layer(text(2), bottoms).backward([np.ones((2, 7, 4, 5))], [False, True])
    assert not run.bottom[0].diff.any() and run.bottom[1].diff.all()


def test_one_bottom_shares_its_memory():
    run = run_layer(text(1), [np.ones((2, 3))])
    assert run.top[0].shape == (2, 3) and run.top[0].shares_data_with(run.bottom[0])
    run.backward([np.full((2, 3), 5)])
    np.testing.assert_array_equal(run.bottom[0].diff, np.full((2, 3), 5))
    run = run_layer(text(1), [np.ones((2, 3))]).backward([np.full((2, 3), 5)], [False])
    assert not run.bottom[0].diff.any()


@pytest.mark.parametrize("fields", ["axis: 1", "axis: 0"])
def test_gradients(fields):
    axis = int(fields[-1])
    shapes = [[2, 3, 2], [2, 3, 2]]
    shapes[1][axis] = 4
    check_gradients(text(2, fields), [np.random.default_rng(3).normal(size=shape) for shape in shapes])


def test_gradient_of_one_bottom():
    check_gradients(text(1), [np.random.default_rng(3).normal(size=(2, 3))])


@pytest.mark.parametrize("name", ["concat", "concat_axis0"])
def test_golden(name):
    golden_layer(name)


@pytest.mark.parametrize(
    "fields, shapes, message, field",
    [
        (
            "axis: 1 concat_dim: 2",
            [(2, 3), (2, 3)],
            "axis is 1 and concat_dim is 2; both name the joined axis. Keep axis alone.",
            "concat_param.concat_dim",
        ),
        (
            "axis: 2",
            [(2, 3), (2, 3)],
            'axis is 2 but bottom "b0" has shape (2, 3); axis must be from -2 to 1. Name an axis that it has.',
            "concat_param.axis",
        ),
        (
            "concat_dim: 4294967295",
            [(2, 3), (2, 3)],
            'concat_dim is 4294967295 but bottom "b0" has shape (2, 3); concat_dim must be from 0 to 1. '
            "Name an axis that it has.",
            "concat_param.concat_dim",
        ),
        (
            "",
            [(2, 3, 4), (2, 5, 4), (2, 3, 5)],
            'bottom "b2" has shape (2, 3, 5) but bottom "b0" has shape (2, 3, 4); they may differ in axis 1 only. '
            "Make the other axes equal.",
            "bottom",
        ),
        (
            "",
            [(2, 3), (2, 3, 1)],
            'bottom "b1" has shape (2, 3, 1) but bottom "b0" has shape (2, 3); they may differ in axis 1 only. '
            "Make the other axes equal.",
            "bottom",
        ),
        (
            "",
            [(), ()],
            'axis is 1 but bottom "b0" has shape (); a scalar has no axes. Reshape it.',
            "concat_param.axis",
        ),
    ],
)
def test_errors(fields, shapes, message, field):
    with pytest.raises(LayerError) as caught:
        make_layer(text(len(shapes), fields), [np.zeros(shape) for shape in shapes])
    assert str(caught.value) == 'layer "L" (Concat): ' + message
    assert caught.value.field == field


def test_in_place_is_refused():
    with pytest.raises(LayerError) as caught:
        make_layer(text(2, top="b0"), [np.zeros((2, 3))] * 2)
    assert str(caught.value) == (
        'layer "L" (Concat): bottom "b0" is also a top; this type cannot compute in place. '
        "Give the top a name of its own."
    )
