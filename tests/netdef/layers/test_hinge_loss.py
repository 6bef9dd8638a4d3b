"""HingeLoss: a drawn case, the twin, gradients, recorded values, labels that are no class."""

import numpy as np
import pytest

from netdef.errors import DataError, LayerError
from tests.naive.class_loss import hinge_loss
from tests.support.gradients import check_gradients
from tests.support.nets import golden_layer, make_layer, run_layer

TEXT = 'name: "loss" type: "HingeLoss" bottom: "ip" bottom: "label" top: "loss"'
NORMS = ["L1", "L2"]


def with_norm(norm):
    return f"{TEXT} hinge_loss_param {{ norm: {norm} }}"


@pytest.mark.parametrize("norm, diff", [("L1", [[-1, 1, 0], [1, 0, 1]]), ("L2", [[-1, 3, 0], [2, 0, 4]])])
def test_drawn_case(norm, diff):
    # margins  0.5 1.5 0   label 0
    #          1   0   2   label 1, with a score of 3
    run = run_layer(with_norm(norm), [[[0.5, 0.5, -2], [0, 3, 1]], [0, 1]])
    wanted = {"L1": (2 + 3) / 2, "L2": (0.25 + 2.25 + 1 + 4) / 2}[norm]
    assert run.top[0].shape == () and run.top[0].data == pytest.approx(wanted)
    np.testing.assert_allclose(run.backward().bottom[0].diff, np.array(diff) / 2)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("shape", [(6, 5), (3, 4, 2), (400, 200)])
def test_naive_twin(rng, shape, norm, dtype):
    scores, labels = rng.normal(0, 2, shape), rng.integers(0, 5, (shape[0], 1))
    run = run_layer(f"{with_norm(norm)} loss_weight: 0.5", [scores, labels], dtype=dtype)
    run.bottom[0].diff[...] = 7
    run.forward()
    assert (run.bottom[0].diff == 7).all()
    run.backward()
    loss, gradient = hinge_loss(scores, labels, norm)
    tolerance = 1e-5 if dtype == np.float32 else 1e-12
    assert run.top[0].data == pytest.approx(loss, rel=tolerance)
    np.testing.assert_allclose(run.bottom[0].diff, gradient / 2, tolerance, tolerance)
    np.testing.assert_array_equal(run.bottom[0].data, scores.astype(dtype))
    np.testing.assert_array_equal(run.bottom[1].data, labels)


def test_nan_stays_nan():
    assert np.isnan(run_layer(TEXT, [[[np.nan, 0]], [0]]).top[0].data)


@pytest.mark.parametrize("norm", NORMS)
def test_gradients(rng, norm):
    check_gradients(with_norm(norm), [rng.normal(0, 2, (4, 5)), [0, 4, 2, 2]], kink=1, kink_range=0.01)


@pytest.mark.parametrize("name", ["hinge_l1", "hinge_l2"])
def test_recorded(name):
    golden_layer(name)


@pytest.mark.parametrize("label, shown", [(5, "5"), (-1, "-1"), (np.nan, "nan")])
def test_label_that_is_no_class(label, shown):
    run = make_layer(TEXT, [np.ones((2, 5)), [0, label]])
    with pytest.raises(DataError) as caught:
        run.forward()
    assert str(caught.value) == (
        f'layer "loss" (HingeLoss): bottom "label" has the label {shown} at index (1,); there are 5 classes, '
        "0 to 4. Correct the label or give the scores more classes (num_output)."
    )
    assert caught.value.field == "bottom[1]"


def test_one_label_for_each_item():
    with pytest.raises(LayerError) as caught:
        make_layer(TEXT, [np.ones((2, 5)), np.zeros((2, 3))])
    assert str(caught.value) == (
        'layer "loss" (HingeLoss): bottom "label" has shape (2, 3), 6 labels; bottom "ip" has shape '
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
        'layer "loss" (HingeLoss): the gradient with respect to bottom "label", the labels, was asked for; '
        "there is none. Set propagate_down to false for it, or take the labels from a layer that learns nothing."
    )
