"""EuclideanLoss: a drawn case, the naive twin, gradients, recorded values, errors."""

import numpy as np
import pytest

from netdef.errors import LayerError
from tests.naive.euclidean_loss import euclidean_loss
from tests.support.gradients import check_gradients
from tests.support.nets import golden_layer, make_layer, run_layer

TEXT = 'name: "loss" type: "EuclideanLoss" bottom: "pred" bottom: "target" top: "loss"'


def test_drawn_case():
    # 1 2 3   minus   1 1 1   is   0 1 2    squares add up to 0 + 1 + 4 + 9 + 0 + 1 = 15, N = 2
    # 4 1 0           1 1 1        3 0 -1
    run = run_layer(TEXT, [[[1, 2, 3], [4, 1, 0]], np.ones((2, 3))]).backward()
    assert run.top[0].shape == () and run.top[0].data == 15 / 4
    assert np.array_equal(run.bottom[0].diff, [[0, 0.5, 1], [1.5, 0, -0.5]])
    assert np.array_equal(run.bottom[1].diff, -run.bottom[0].diff)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_naive_twin(rng, dtype):
    predictions, targets = rng.normal(size=(2, 2, 3, 4, 5)).astype(dtype)
    run = run_layer(f"{TEXT} loss_weight: 0.5", [predictions, targets.reshape(2, 60)], dtype=dtype).backward()
    loss, gradient = euclidean_loss(predictions, targets)
    assert run.top[0].data == pytest.approx(loss, rel=1e-6)
    assert np.allclose(run.bottom[0].diff, gradient / 2, atol=1e-6)
    assert np.allclose(run.bottom[1].diff, -gradient.reshape(2, 60) / 2, atol=1e-6)
    assert np.array_equal(run.bottom[0].data, predictions)
    assert np.array_equal(run.bottom[1].data, targets.reshape(2, 60))


def test_gradients_of_both(rng):
    check_gradients(f"{TEXT} loss_weight: 2", rng.normal(size=(2, 3, 4)))


@pytest.mark.parametrize("written", [0, 1])
def test_one_gradient_without_the_other(rng, written):
    run = run_layer(TEXT, rng.normal(size=(2, 3, 4)))
    for blob in run.bottom:
        blob.diff[...] = 7
    run.backward(propagate_down=[i == written for i in (0, 1)])
    assert [(blob.diff == 7).all() for blob in run.bottom] == [i != written for i in (0, 1)]


def test_recorded():
    golden_layer("euclidean")


def test_shapes_that_do_not_fit():
    with pytest.raises(LayerError) as caught:
        make_layer(TEXT, [np.zeros((2, 3)), np.zeros((2, 4))])
    assert str(caught.value) == (
        'layer "loss" (EuclideanLoss): bottom "pred" has shape (2, 3) and bottom "target" has shape (2, 4); '
        "they must have equally many elements. Reshape one of them."
    )


def test_scalars_have_no_batch():
    with pytest.raises(LayerError) as caught:
        make_layer(TEXT, [np.zeros(()), np.zeros(())])
    assert str(caught.value) == (
        'layer "loss" (EuclideanLoss): its bottoms have shape (), no axes; a loss needs a first axis, the batch. '
        "Add one."
    )
