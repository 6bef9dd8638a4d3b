"""CenterLoss: a drawn case, the twin, gradients, labels without a centre, bad fields."""

import numpy as np
import pytest

from netdef.errors import DataError, LayerError
from tests.naive.distance_loss import center_loss
from tests.support.gradients import check_gradients
from tests.support.nets import make_layer, run_layer

TEXT = 'name: "loss" type: "CenterLoss" bottom: "ip" bottom: "label" top: "loss"'


def with_fields(fields="num_output: 4"):
    return f"{TEXT} center_loss_param {{ {fields} }}"


def test_drawn_case():
    run = run_layer(with_fields("num_output: 2"), [[[1, 2], [3, 4]], [1, 1]], params=[[[9, 9], [1, 1]]]).backward()
    assert run.top[0].shape == () and run.top[0].data == (0 + 1 + 4 + 9) / 4
    np.testing.assert_array_equal(run.bottom[0].diff, [[0, 0.5], [1, 1.5]])
    np.testing.assert_allclose(run.layer.blobs[0].diff, [[0, 0], [-2 / 3, -4 / 3]], 1e-6)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("shape", [(6, 5), (5, 2, 3), (300, 250)])
def test_naive_twin(rng, shape, dtype):
    features, labels = rng.normal(size=shape), rng.integers(0, 3, shape[0])
    center = rng.normal(size=(4, int(np.prod(shape[1:]))))
    run = run_layer(f"{with_fields()} loss_weight: 0.5", [features, labels], params=[center], dtype=dtype).backward()
    loss, gradient, center_diff = center_loss(features, labels, center)
    tolerance = 1e-5 if dtype == np.float32 else 1e-12
    assert run.top[0].data == pytest.approx(loss, rel=tolerance)
    np.testing.assert_allclose(run.bottom[0].diff, gradient / 2, tolerance, tolerance)
    np.testing.assert_allclose(run.layer.blobs[0].diff, center_diff, 10 * tolerance, 10 * tolerance)
    np.testing.assert_array_equal(run.bottom[0].data, features.astype(dtype))
    run.layer.backward(run.top, [False, False], run.bottom)
    np.testing.assert_allclose(run.layer.blobs[0].diff, 2 * center_diff, 10 * tolerance, 10 * tolerance)


def test_only_wanted_gradients_are_written():
    run = run_layer(with_fields(), [np.ones((2, 3)), [0, 1]])
    run.bottom[0].diff[...] = 7
    run.layer.param_propagate_down = [False]
    run.backward(propagate_down=[False, False])
    assert (run.bottom[0].diff == 7).all() and not run.layer.blobs[0].diff.any()


def test_gradients(rng):
    # The centres' is a rule of its own, not the gradient of the loss.
    check_gradients(with_fields(), [rng.normal(size=(3, 2, 2)), [0, 3, 0]], check_params=False)


@pytest.mark.parametrize(
    "fields, shapes, message, field",
    [
        (
            "",
            [(2, 3), (2,)],
            "num_output is missing; it must say how many classes there are, at least 1. Set num_output.",
            "center_loss_param.num_output",
        ),
        (
            "num_output: 4 axis: -1",
            [(2, 3, 5), (2,)],
            'axis is -1, axis 2 of bottom "ip" with shape (2, 3, 5); items are counted along axis 0, so that it must '
            "be 1. Set axis to 1.",
            "center_loss_param.axis",
        ),
        (
            "num_output: 4",
            [(2, 3), (2, 2)],
            'bottom "label" has shape (2, 2), 4 labels; bottom "ip" has shape (2, 3), which takes 2, one for each '
            "item. Change the labels.",
            "bottom[1]",
        ),
    ],
)
def test_errors(fields, shapes, message, field):
    with pytest.raises(LayerError) as caught:
        make_layer(with_fields(fields), [np.zeros(shape) for shape in shapes])
    assert str(caught.value) == f'layer "loss" (CenterLoss): {message}'
    assert caught.value.field == field


def test_items_that_change_their_size():
    run = run_layer(with_fields(), [np.ones((2, 3)), [0, 1]])
    run.bottom[0].reshape(2, 4)
    with pytest.raises(LayerError) as caught:
        run.forward()
    assert str(caught.value) == (
        'layer "loss" (CenterLoss): bottom "ip" now has shape (2, 4), 4 values an item; the centres were made for 3. '
        "Change the first axis only."
    )


def test_label_without_a_centre():
    with pytest.raises(DataError) as caught:
        run_layer(with_fields(), [np.ones((2, 3)), [0, 4]])
    assert str(caught.value) == (
        'layer "loss" (CenterLoss): bottom "label" has the label 4 at index (1,); there are 4 classes, 0 to 3. '
        "Correct the label or raise num_output."
    )


def test_no_gradient_for_labels():
    run = run_layer(with_fields(), [np.ones((2, 3)), [0, 1]])
    assert [run.layer.allow_force_backward(i) for i in (0, 1)] == [True, False]
    with pytest.raises(LayerError) as caught:
        run.backward(propagate_down=[True, True])
    assert str(caught.value) == (
        'layer "loss" (CenterLoss): the gradient with respect to bottom "label", the labels, was asked for; there is '
        "none. Set propagate_down to false for it, or take the labels from a layer that learns nothing."
    )
