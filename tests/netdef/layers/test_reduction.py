"""Reduction: a drawn case, the twin over operations and axes, gradients, recorded values, bad axes."""

import numpy as np
import pytest

from netdef.errors import LayerError
from tests.naive.reduction import reduction, reduction_backward
from tests.support.gradients import check_gradients
from tests.support.nets import golden_layer, make_layer, run_layer

SHAPE = (2, 3, 4, 5)
OPERATIONS = ["SUM", "ASUM", "SUMSQ", "MEAN"]


def text(fields="", top="t"):
    return f'layer {{ name: "L" type: "Reduction" bottom: "b" top: "{top}" reduction_param {{ {fields} }} }}'


def draw(shape=SHAPE):
    return np.random.default_rng(1701).normal(size=shape)


@pytest.mark.parametrize(
    "operation, top, diff",
    [
        ("SUM", [0, 6], [[2, 2, 2], [3, 3, 3]]),
        ("ASUM", [6, 6], [[2, -2, 0], [3, 3, 3]]),
        ("SUMSQ", [18, 12], [[12, -12, 0], [12, 12, 12]]),
        ("MEAN", [0, 2], [[2 / 3] * 3, [1] * 3]),
    ],
)
def test_by_hand(operation, top, diff):
    run = run_layer(text(f"operation: {operation} axis: 1"), [[[3, -3, 0], [2, 2, 2]]]).backward([[2, 3]])
    np.testing.assert_allclose(run.top[0].data, top)
    np.testing.assert_allclose(run.bottom[0].diff, diff, 1e-6)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("axis", [0, 1, 3, -2])
@pytest.mark.parametrize("operation", OPERATIONS)
def test_twin(operation, axis, dtype):
    bottom = draw()
    run = run_layer(text(f"operation: {operation} axis: {axis} coeff: 2.5"), [bottom], dtype=dtype)
    assert run.top[0].shape == SHAPE[:axis]
    tolerance = 2e-6 if dtype == np.float32 else 1e-13
    wanted = reduction(bottom, operation, axis % 4, 2.5)
    np.testing.assert_allclose(run.top[0].data, wanted, tolerance, 10 * tolerance)
    diff = draw(SHAPE[:axis])
    run.backward([diff])
    wanted = reduction_backward(bottom, operation, axis % 4, 2.5, diff)
    np.testing.assert_allclose(run.bottom[0].diff, wanted, tolerance, tolerance)
    np.testing.assert_array_equal(run.bottom[0].data, bottom.astype(dtype))


def test_defaults_sum_everything():
    run = run_layer(text(), [draw()], dtype=np.float64)
    assert run.top[0].shape == () and run.top[0].data == pytest.approx(draw().sum())


@pytest.mark.parametrize("operation", OPERATIONS)
def test_many_values_go_through_the_parallel_kernels(operation):
    bottom = draw((3, 50000))
    run = run_layer(text(f"operation: {operation} axis: 1"), [bottom], dtype=np.float64).backward([[1, 2, 3]])
    sums = {"SUM": bottom, "ASUM": abs(bottom), "SUMSQ": bottom**2, "MEAN": bottom / 50000}
    slopes = {"SUM": np.ones(1), "ASUM": np.sign(bottom), "SUMSQ": 2 * bottom, "MEAN": np.ones(1) / 50000}
    np.testing.assert_allclose(run.top[0].data, sums[operation].sum(axis=1), 1e-10)
    np.testing.assert_allclose(run.bottom[0].diff, slopes[operation] * [[1], [2], [3]] * np.ones((3, 50000)), 1e-10)


def test_no_gradient_without_propagate_down():
    run = run_layer(text(), [draw()])
    run.bottom[0].diff[...] = 7
    run.backward(propagate_down=[False])
    assert (run.bottom[0].diff == 7).all()


@pytest.mark.parametrize("operation", OPERATIONS)
@pytest.mark.parametrize("axis", [0, 1])
def test_gradients(operation, axis):
    fields = f"operation: {operation} axis: {axis} coeff: 0.5"
    check_gradients(text(fields), [draw((2, 2, 3))], kink_range=0.01 if operation == "ASUM" else -1)


@pytest.mark.parametrize("name", ["all_coeff", "asum", "mean", "sum", "sumsq"])
def test_golden(name):
    golden_layer(f"reduction_{name}")


def test_axis_that_does_not_exist():
    with pytest.raises(LayerError) as caught:
        make_layer(text("axis: 4"), [draw()])
    assert str(caught.value) == (
        'layer "L" (Reduction): axis is 4 but bottom "b" has shape (2, 3, 4, 5); axis must be from -4 to 3. '
        "Name an axis that it has."
    )
    assert caught.value.field == "reduction_param.axis"


def test_in_place_is_refused():
    with pytest.raises(LayerError) as caught:
        make_layer(text(top="b"), [draw()])
    assert str(caught.value) == (
        'layer "L" (Reduction): bottom "b" is also a top; this type cannot compute in place. '
        "Give the top a name of its own."
    )
