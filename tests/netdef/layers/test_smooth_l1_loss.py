"""SmoothL1Loss: a drawn case, the twin over weights and sigma, gradients, bad shapes."""

import numpy as np
import pytest

from netdef.errors import LayerError
from tests.naive.distance_loss import smooth_l1_loss
from tests.support.gradients import check_gradients
from tests.support.nets import make_layer, run_layer

SHAPE = (3, 4, 2)


def text(bottoms=2, fields=""):
    names = " ".join(f'bottom: "b{i}"' for i in range(bottoms))
    return f'name: "loss" type: "SmoothL1Loss" {names} top: "loss" {fields}'


def draw(bottoms=2, shape=SHAPE):
    generator = np.random.default_rng(1701)
    return [generator.normal(size=shape) for _ in range(bottoms)]


def test_drawn_case():
    run = run_layer(text(), [[[0.5, -3], [1, 0]], np.zeros((2, 2))]).backward()
    assert run.top[0].shape == () and run.top[0].data == pytest.approx((0.125 + 2.5 + 0.5 + 0) / 2)
    np.testing.assert_allclose(run.bottom[0].diff, [[0.25, -0.5], [0.5, 0]])
    np.testing.assert_allclose(run.bottom[1].diff, [[-0.25, 0.5], [-0.5, 0]])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("sigma", [1, 3, 0.5])
@pytest.mark.parametrize("bottoms", [2, 3, 4])
def test_naive_twin(bottoms, sigma, dtype):
    arrays = draw(bottoms)
    fields = f"smooth_l1_loss_param {{ sigma: {sigma} }} loss_weight: 0.5"
    run = run_layer(text(bottoms, fields), arrays, dtype=dtype).backward()
    loss, gradient = smooth_l1_loss(*arrays, sigma=sigma)
    tolerance = 1e-5 if dtype == np.float32 else 1e-12
    assert run.top[0].data == pytest.approx(loss, rel=tolerance)
    np.testing.assert_allclose(run.bottom[0].diff, gradient / 2, tolerance, tolerance)
    np.testing.assert_allclose(run.bottom[1].diff, -gradient / 2, tolerance, tolerance)
    for blob, values in zip(run.bottom, arrays):
        np.testing.assert_array_equal(blob.data, values.astype(dtype))


def test_many_values_go_through_the_parallel_kernels():
    first, second = draw(2, (7, 10000))
    run = run_layer(text(), [first, second], dtype=np.float64).backward()
    size = abs(first - second)
    assert run.top[0].data == pytest.approx(np.where(size < 1, size**2 / 2, size - 0.5).sum() / 7)
    np.testing.assert_allclose(run.bottom[0].diff, np.clip(first - second, -1, 1) / 7)


def test_only_wanted_gradients_are_written():
    run = run_layer(text(3), draw(3))
    for blob in run.bottom:
        blob.diff[...] = 7
    run.backward(propagate_down=[False, True, False])
    assert [(blob.diff == 7).all() for blob in run.bottom] == [True, False, True]


@pytest.mark.parametrize("bottoms", [2, 3, 4])
def test_gradients(bottoms):
    check_gradients(text(bottoms, "smooth_l1_loss_param { sigma: 1.5 }"), draw(bottoms), step=1e-5)


@pytest.mark.parametrize(
    "shapes, fields, message, field",
    [
        (
            [SHAPE, SHAPE, (3, 4)],
            "",
            'bottom "b0" has shape (3, 4, 2) and bottom "b2" has shape (3, 4); they must have equally many values. '
            "Reshape one of them.",
            "bottom[2]",
        ),
        (
            [SHAPE, SHAPE],
            "smooth_l1_loss_param { sigma: 0 }",
            "sigma is 0; the loss would be 0 everywhere. Give another sigma.",
            "smooth_l1_loss_param.sigma",
        ),
    ],
)
def test_errors(shapes, fields, message, field):
    with pytest.raises(LayerError) as caught:
        make_layer(text(len(shapes), fields), [np.zeros(shape) for shape in shapes])
    assert str(caught.value) == f'layer "loss" (SmoothL1Loss): {message}'
    assert caught.value.field == field


def test_no_gradient_for_weights():
    run = run_layer(text(4), draw(4))
    assert [run.layer.allow_force_backward(i) for i in range(4)] == [True, True, False, False]
    with pytest.raises(LayerError) as caught:
        run.backward(propagate_down=[True, True, False, True])
    assert str(caught.value) == (
        'layer "loss" (SmoothL1Loss): the gradient with respect to bottom "b3", weights, was asked for; there is '
        "none. Set propagate_down to false for it."
    )
