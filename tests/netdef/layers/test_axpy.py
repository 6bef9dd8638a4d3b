"""Axpy: a drawn case, the twin, in place, gradients, bad shapes."""

import numpy as np
import pytest

from netdef.errors import LayerError
from tests.naive.axpy import axpy, axpy_backward
from tests.support.gradients import check_gradients
from tests.support.nets import make_layer, run_layer

SHAPE = (2, 3, 4, 5)


def text(top="t"):
    return f'layer {{ name: "L" type: "Axpy" bottom: "a" bottom: "x" bottom: "y" top: "{top}" }}'


def draw(shape=SHAPE, scale=None):
    generator = np.random.default_rng(1701)
    return [generator.normal(size=size) for size in (scale or shape[:2], shape, shape)]


def test_by_hand():
    run = run_layer(text(), [[[2, -1]], [[[1, 2], [3, 4]]], [[[10, 20], [30, 40]]]]).backward([[[[1, 1], [1, 10]]]])
    np.testing.assert_array_equal(run.top[0].data, [[[12, 24], [27, 36]]])
    np.testing.assert_array_equal(run.bottom[0].diff, [[3, 43]])
    np.testing.assert_array_equal(run.bottom[1].diff, [[[2, 2], [-1, -10]]])
    np.testing.assert_array_equal(run.bottom[2].diff, [[[1, 1], [1, 10]]])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("top", ["t", "y"])
@pytest.mark.parametrize(
    "shape, scale", [(SHAPE, (2, 3)), (SHAPE, (2, 3, 1, 1)), ((4, 3), (4, 3)), ((2, 3, 5), (2, 3))]
)
def test_twin(shape, scale, top, dtype):
    bottoms = draw(shape, scale)
    run = run_layer(text(top), bottoms, dtype=dtype)
    tolerance = 1e-5 if dtype == np.float32 else 1e-12
    np.testing.assert_allclose(run.top[0].data, axpy(*bottoms), tolerance, tolerance)
    diff = np.random.default_rng(2).normal(size=shape)
    run.backward([diff])
    for blob, wanted in zip(run.bottom, axpy_backward(*bottoms[:2], diff), strict=True):
        np.testing.assert_allclose(blob.diff, wanted, tolerance, tolerance)
    for blob, values in zip(run.bottom[:2], bottoms):
        np.testing.assert_array_equal(blob.data, values.astype(dtype))


def test_only_wanted_gradients_are_written():
    run = run_layer(text(), draw())
    for i in range(3):
        for blob in run.bottom:
            blob.diff[...] = 7
        run.backward([np.ones(SHAPE)], [j == i for j in range(3)])
        assert [(blob.diff == 7).all() for blob in run.bottom] == [j != i for j in range(3)]


def test_many_values_go_through_the_parallel_kernels():
    scale, factor, term = draw((7, 10, 40, 50))
    run = run_layer(text(), [scale, factor, term], dtype=np.float64).backward([np.ones(factor.shape)])
    np.testing.assert_allclose(run.top[0].data, scale[:, :, None, None] * factor + term)
    np.testing.assert_allclose(run.bottom[0].diff, factor.sum(axis=(2, 3)))


def test_gradients():
    check_gradients(text(), draw((2, 2, 3)))


@pytest.mark.parametrize(
    "shapes, message, field",
    [
        (
            [(2, 4), SHAPE, SHAPE],
            'bottom "a" has shape (2, 4) but bottom "x" has shape (2, 3, 4, 5); the first must have a value for each '
            "item and channel of the second, (N, C) or (N, C, 1, 1). Reshape it.",
            "bottom[0]",
        ),
        (
            [(2, 3, 1, 2), SHAPE, SHAPE],
            'bottom "a" has shape (2, 3, 1, 2) but bottom "x" has shape (2, 3, 4, 5); the first must have a value for '
            "each item and channel of the second, (N, C) or (N, C, 1, 1). Reshape it.",
            "bottom[0]",
        ),
        (
            [(2, 3), SHAPE, (2, 3, 5, 4)],
            'bottom "y" has shape (2, 3, 5, 4) but bottom "x" has shape (2, 3, 4, 5); the two must be equal. '
            "Make them equal.",
            "bottom[2]",
        ),
    ],
)
def test_errors(shapes, message, field):
    with pytest.raises(LayerError) as caught:
        make_layer(text(), [np.zeros(shape) for shape in shapes])
    assert str(caught.value) == f'layer "L" (Axpy): {message}'
    assert caught.value.field == field


def test_in_place_is_refused():
    with pytest.raises(LayerError) as caught:
        make_layer(text("x"), draw())
    assert str(caught.value) == (
        'layer "L" (Axpy): bottom "x" is also a top; this type cannot compute in place. Give the top a name of its own.'
    )
