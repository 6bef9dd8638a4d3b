"""SigmoidCrossEntropyLoss: a drawn case, the naive twin, gradients, recorded values, errors."""

import numpy as np
import pytest

from netdef.errors import LayerError
from tests.naive.sigmoid_cross_entropy_loss import sigmoid_cross_entropy_loss
from tests.support.gradients import check_gradients
from tests.support.nets import golden_layer, make_layer, run_layer

TEXT = 'name: "loss" type: "SigmoidCrossEntropyLoss" bottom: "ip" bottom: "target" top: "loss"'
MODES = ["FULL", "VALID", "BATCH_SIZE", "NONE"]


def with_loss(fields):
    return f"{TEXT} loss_param {{ {fields} }}"


def test_drawn_case():
    # probabilities  1/2 3/4  of the targets  1 0    are right with  1/2 1/4
    scores = [[0, np.log(3)]]
    run = run_layer(TEXT, [scores, [[1, 0]]]).backward()
    assert run.top[0].shape == () and run.top[0].data == pytest.approx(np.log(2) + np.log(4))
    assert np.allclose(run.bottom[0].diff, [[-1 / 2, 3 / 4]])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("ignore_label", [None, 0, -1])
@pytest.mark.parametrize("mode", MODES)
def test_naive_twin(rng, dtype, mode, ignore_label):
    scores = rng.normal(0, 3, (2, 3, 4)).astype(dtype)
    targets = rng.integers(-1 if ignore_label == -1 else 0, 2, (2, 3, 4)).astype(dtype)
    fields = f"normalization: {mode}" + (f" ignore_label: {ignore_label}" if ignore_label is not None else "")
    run = run_layer(with_loss(fields), [scores, targets], dtype=dtype).backward()
    loss, gradient = sigmoid_cross_entropy_loss(scores, targets, ignore_label, mode)
    tolerance = 1e-6 if dtype == np.float32 else 1e-14
    assert run.top[0].data == pytest.approx(loss, rel=tolerance)
    assert np.allclose(run.bottom[0].diff, gradient, atol=tolerance)
    assert np.array_equal(run.bottom[0].data, scores) and np.array_equal(run.bottom[1].data, targets)


@pytest.mark.parametrize(
    "fields, mode",
    [
        ("", "BATCH_SIZE"),
        ("normalize: true", "VALID"),
        ("normalize: false", "BATCH_SIZE"),
        ("normalize: true normalization: FULL", "FULL"),
    ],
)
def test_default_and_older_normalize_field(rng, fields, mode):
    bottoms = rng.normal(size=(2, 5)), rng.integers(0, 2, (2, 5))
    run = run_layer(with_loss(f"{fields} ignore_label: 0"), bottoms)
    assert run.top[0].data == pytest.approx(sigmoid_cross_entropy_loss(*bottoms, 0, mode)[0], rel=1e-6)


def test_large_scores_do_not_overflow():
    run = run_layer(TEXT, [[[1000, -1000, 1000, -1000]], [[1, 0, 0, 1]]]).backward()
    assert run.top[0].data == 2000
    assert np.array_equal(run.bottom[0].diff, [[0, 0, 1, -1]])


@pytest.mark.parametrize("mode", MODES)
def test_gradients(rng, mode):
    targets = rng.uniform(0, 1, (2, 3))
    targets[1, 2] = -1
    check_gradients(with_loss(f"normalization: {mode} ignore_label: -1"), [rng.normal(size=(2, 3)), targets])


@pytest.mark.parametrize("name", ["sigmoidce", "sigmoidce_soft"])
def test_recorded(name):
    golden_layer(name)


def test_shapes_that_do_not_fit():
    with pytest.raises(LayerError) as caught:
        make_layer(TEXT, [np.zeros((2, 3)), np.zeros((2, 4))])
    assert str(caught.value) == (
        'layer "loss" (SigmoidCrossEntropyLoss): bottom "ip" has shape (2, 3) and bottom "target" has shape (2, 4); '
        "there must be one target for each score. Reshape one of them."
    )


def test_no_gradient_for_targets():
    run = run_layer(TEXT, np.zeros((2, 2, 3)))
    run.bottom[0].diff[...] = 7
    run.backward(propagate_down=[False, False])
    assert (run.bottom[0].diff == 7).all()
    with pytest.raises(LayerError) as caught:
        run.backward(propagate_down=[True, True])
    assert str(caught.value) == (
        'layer "loss" (SigmoidCrossEntropyLoss): the gradient with respect to bottom "target", the labels, was asked '
        "for; there is none. Set propagate_down to false for it, or take the labels from a layer that learns nothing."
    )
