"""MultinomialLogisticLoss: a drawn case, the twin, gradients, recorded values, labels that are no class."""

import numpy as np
import pytest

from netdef.errors import DataError, LayerError
from tests.naive.class_loss import multinomial_logistic_loss
from tests.support.gradients import check_gradients
from tests.support.nets import golden_layer, make_layer, run_layer

TEXT = 'name: "loss" type: "MultinomialLogisticLoss" bottom: "ip" bottom: "label" top: "loss"'


def test_drawn_case():
    run = run_layer(TEXT, [[[0.5, 0.25, 0.25], [0.1, 0.1, 0.8]], [1, 0]]).backward()
    assert run.top[0].shape == () and run.top[0].data == pytest.approx(-(np.log(0.25) + np.log(0.1)) / 2)
    np.testing.assert_allclose(run.bottom[0].diff, [[0, -2, 0], [-5, 0, 0]], 1e-6)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("shape", [(6, 5), (3, 4, 2)])
def test_naive_twin(rng, shape, dtype):
    prob, labels = rng.uniform(0, 1, shape), rng.integers(0, 5, (shape[0], 1, 1, 1))
    run = run_layer(f"{TEXT} loss_weight: 0.5", [prob, labels], dtype=dtype)
    run.bottom[0].diff[...] = 7
    run.backward()
    loss, gradient = multinomial_logistic_loss(prob, labels)
    tolerance = 1e-5 if dtype == np.float32 else 1e-12
    assert run.top[0].data == pytest.approx(loss, rel=tolerance)
    np.testing.assert_allclose(run.bottom[0].diff, gradient / 2, tolerance, tolerance)
    np.testing.assert_array_equal(run.bottom[0].data, prob.astype(dtype))


def test_probability_zero_has_a_finite_loss():
    run = run_layer(TEXT, [[[0, 1]], [0]]).backward()
    assert run.top[0].data == pytest.approx(-np.log(1e-20), rel=1e-6)
    np.testing.assert_allclose(run.bottom[0].diff, [[-1e20, 0]], 1e-6)


def test_nan_stays_nan():
    assert np.isnan(run_layer(TEXT, [[[np.nan, 0]], [0]]).top[0].data)


def test_gradients(rng):
    check_gradients(TEXT, [rng.uniform(0.2, 1, (4, 5)), [0, 4, 2, 2]], step=1e-4)


def test_recorded():
    golden_layer("multinomial")


@pytest.mark.parametrize("label, shown", [(5, "5"), (-1, "-1"), (np.nan, "nan")])
def test_label_that_is_no_class(label, shown):
    run = make_layer(TEXT, [np.ones((2, 5)), [0, label]])
    with pytest.raises(DataError) as caught:
        run.forward()
    assert str(caught.value) == (
        f'layer "loss" (MultinomialLogisticLoss): bottom "label" has the label {shown} at index (1,); there are 5 '
        "classes, 0 to 4. Correct the label or give the scores more classes (num_output)."
    )
    assert caught.value.field == "bottom[1]"


def test_one_label_for_each_item():
    with pytest.raises(LayerError) as caught:
        make_layer(TEXT, [np.ones((2, 5)), np.zeros((2, 3))])
    assert str(caught.value) == (
        'layer "loss" (MultinomialLogisticLoss): bottom "label" has shape (2, 3), 6 labels; bottom "ip" has shape '
        "(2, 5), which takes 2, one for each item. Change the labels."
    )
    assert caught.value.field == "bottom[1]"


def test_no_gradient_for_labels():
    run = run_layer(TEXT, [np.ones((2, 5)), [0, 1]])
    assert [run.layer.allow_force_backward(i) for i in (0, 1)] == [True, False]
    run.bottom[0].diff[...] = 7
    run.backward(propagate_down=[False, False])
    assert (run.bottom[0].diff == 7).all()
    with pytest.raises(LayerError) as caught:
        run.backward(propagate_down=[True, True])
    assert str(caught.value) == (
        'layer "loss" (MultinomialLogisticLoss): the gradient with respect to bottom "label", the labels, was asked '
        "for; there is none. Set propagate_down to false for it, or take the labels from a layer that learns nothing."
    )
