"""RBFLoss: drawn cases, the twin, far and near distances, gradients, bad fields and labels."""

from math import exp, log

import numpy as np
import pytest

from netdef.errors import DataError, LayerError
from tests.naive.rbf import rbf_loss
from tests.support.gradients import check_gradients
from tests.support.nets import make_layer, run_layer

TEXT = 'name: "loss" type: "RBFLoss" bottom: "output" bottom: "label" top: "loss"'
MAP = TEXT + " rbf_loss_param { criterion: MAP }"


def test_mean_square_is_the_distance_of_the_right_class():
    run = run_layer(TEXT, [[[1, 2], [3, 5]], [1, 0]]).backward()
    assert run.top[0].shape == () and run.top[0].data == (2 + 3) / 2
    assert np.array_equal(run.bottom[0].diff, [[0, 0.5], [0.5, 0]])


def test_map_of_one_item():
    run = run_layer(MAP, [[[0, 1]], [1]]).backward()
    total = exp(-0.1) + 1 + exp(-1)
    assert run.top[0].data == pytest.approx(1 + log(total), rel=1e-6)
    np.testing.assert_allclose(run.bottom[0].diff, [[-1 / total, 1 - exp(-1) / total]], 1e-6)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("fields, j", [("", None), ("criterion: MAP", 0.1), ("criterion: MAP j: 2.5", 2.5)])
@pytest.mark.parametrize("num", [3, 7000])
def test_naive_twin(rng, num, fields, j, dtype):
    distance, label = rng.uniform(0, 9, (num, 10)).astype(dtype), rng.integers(0, 10, num)
    text = f"{TEXT} rbf_loss_param {{ {fields} }} loss_weight: 0.5"
    run = run_layer(text, [distance, label], dtype=dtype).backward()
    loss, gradient = rbf_loss(distance.astype(np.float64), label, j)
    tolerance = 1e-5 if dtype == np.float32 else 1e-7  # j itself is a float32
    assert run.top[0].data == pytest.approx(loss, rel=tolerance)
    np.testing.assert_allclose(run.bottom[0].diff, gradient / 2, tolerance, tolerance / num)
    assert np.array_equal(run.bottom[0].data, distance)


def test_distances_that_no_exponential_can_bear():
    run = run_layer(MAP, [[[2000, 3000], [5000, 0]], [0, 0]]).backward()
    assert run.top[0].data == pytest.approx((2000 - 0.1 + 5000 + log(1 + exp(-0.1))) / 2)
    np.testing.assert_allclose(run.bottom[0].diff, [[0.5, 0], [0.5, -0.5 / (1 + exp(-0.1))]], 1e-6)


@pytest.mark.parametrize("text", [TEXT, MAP])
def test_gradients(rng, text):
    check_gradients(text, [rng.uniform(0, 3, (3, 4)), [0, 3, 0]])


@pytest.mark.parametrize(
    "fields, shapes, message, field",
    [
        (
            "j: -1",
            [(2, 3), (2,)],
            "j is -1; it must be a distance, 0 or more. Correct it.",
            "rbf_loss_param.j",
        ),
        (
            "j: inf",
            [(2, 3), (2,)],
            "j is inf; it must be a distance, 0 or more. Correct it.",
            "rbf_loss_param.j",
        ),
        (
            "",
            [(2, 3), (2, 2)],
            'bottom "label" has shape (2, 2), 4 labels; bottom "output" has shape (2, 3), which takes 2, one for each '
            "item. Change the labels.",
            "bottom[1]",
        ),
    ],
)
def test_errors(fields, shapes, message, field):
    with pytest.raises(LayerError) as caught:
        make_layer(f"{TEXT} rbf_loss_param {{ {fields} }}", [np.zeros(shape) for shape in shapes])
    assert str(caught.value) == f'layer "loss" (RBFLoss): {message}'
    assert caught.value.field == field


def test_label_without_a_class():
    with pytest.raises(DataError) as caught:
        run_layer(MAP, [np.ones((2, 3)), [0, 3]])
    assert str(caught.value) == (
        'layer "loss" (RBFLoss): bottom "label" has the label 3 at index (1,); there are 3 classes, 0 to 2. '
        "Correct the label or give the scores more classes (num_output)."
    )


def test_no_gradient_for_labels():
    run = run_layer(TEXT, [np.ones((2, 3)), [0, 1]])
    with pytest.raises(LayerError, match="the labels, was asked for; there is none"):
        run.backward(propagate_down=[True, True])
