"""Accuracy: a drawn case, the naive twin, recorded values, errors. It has no gradient to check."""

import numpy as np
import pytest

from netdef.errors import DataError, LayerError
from tests.naive.accuracy import accuracy
from tests.support.nets import golden_layer, make_layer, run_layer

TEXT = 'name: "accuracy" type: "Accuracy" bottom: "ip" bottom: "label" top: "accuracy"'


def with_fields(fields):
    return f"{TEXT} accuracy_param {{ {fields} }}"


@pytest.mark.parametrize("top_k, hits", [(1, 1), (2, 3), (3, 4)])
def test_drawn_case(top_k, hits):
    scores = [
        [1, 9, 5],  # label 1 is first
        [7, 6, 5],  # label 1 is second
        [3, 3, 0],  # label 0 ties with 1, which goes before it: second
        [4, 5, 1],  # label 2 is third
    ]
    run = run_layer(with_fields(f"top_k: {top_k}"), [scores, [1, 1, 0, 2]])
    assert run.top[0].shape == () and run.top[0].data == hits / 4


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("axis, shape", [(1, (2, 1, 4, 5)), (-1, (2, 3, 4)), (0, (3, 4, 5))])
@pytest.mark.parametrize("top_k", [1, 2])
@pytest.mark.parametrize("ignore_label", [None, 1])
def test_naive_twin(rng, dtype, axis, shape, top_k, ignore_label):
    scores = rng.integers(0, 6, (2, 3, 4, 5)).astype(dtype)  # whole numbers, so that there are ties
    labels = rng.integers(0, scores.shape[axis], shape).astype(dtype)
    fields = f"axis: {axis} top_k: {top_k}" + (f" ignore_label: {ignore_label}" if ignore_label is not None else "")
    run = run_layer(f'{with_fields(fields)} top: "per_class"', [scores, labels], dtype=dtype)
    whole, per_class = accuracy(scores, labels, axis % 4, top_k, ignore_label)
    assert run.top[0].data == pytest.approx(whole, rel=1e-6)
    assert run.top[1].shape == (scores.shape[axis],) and np.allclose(run.top[1].data, per_class)
    assert run_layer(with_fields(fields), [scores, labels], dtype=dtype).top[0].data == run.top[0].data
    assert np.array_equal(run.bottom[0].data, scores) and np.array_equal(run.bottom[1].data, labels)


def test_no_label_is_counted():
    run = run_layer(f'{with_fields("ignore_label: 0")} top: "per_class"', [np.zeros((2, 3)), [0, 0]])
    assert run.top[0].data == 0
    assert np.array_equal(run.top[1].data, [0, 0, 0])


def test_nan_is_a_miss():
    assert run_layer(TEXT, [[[np.nan, np.nan], [2, 1]], [1, 0]]).top[0].data == 0.5


@pytest.mark.parametrize("name", ["accuracy", "accuracy_ignore", "accuracy_perclass", "accuracy_top3"])
def test_recorded(name):
    golden_layer(name)


def test_label_that_is_no_class():
    run = make_layer(TEXT, [np.zeros((2, 3)), [2, 3]])
    with pytest.raises(DataError) as caught:
        run.forward()
    assert str(caught.value) == (
        'layer "accuracy" (Accuracy): bottom "label" has the label 3 at index (1,); there are 3 classes, 0 to 2. '
        "Correct the label, give the scores more classes (num_output), or set ignore_label."
    )


ERRORS = [
    (
        [(2, 3), (2,)],
        "top_k: 4",
        "accuracy_param.top_k",
        "top_k is 4; it must be from 1 to the number of classes, 3.",
    ),
    (
        [(2, 3), (2,)],
        "top_k: 0",
        "accuracy_param.top_k",
        "top_k is 0; it must be from 1 to the number of classes, 3.",
    ),
    (
        [(2, 3), (2,)],
        "axis: -3",
        "accuracy_param.axis",
        'axis is -3 but bottom "ip" has shape (2, 3); axis must be from -2 to 1. Name an axis that it has.',
    ),
    (
        [(2, 3, 4), (2,)],
        "",
        "bottom[1]",
        'bottom "label" has shape (2,), 2 labels; bottom "ip" has shape (2, 3, 4) with the classes on axis 1, '
        "which takes 8 labels, one for each of (2, 4). Change the labels or the axis.",
    ),
]


@pytest.mark.parametrize("shapes, fields, field, message", ERRORS)
def test_errors(shapes, fields, field, message):
    with pytest.raises(LayerError) as caught:
        make_layer(with_fields(fields), [np.zeros(shape) for shape in shapes])
    assert (str(caught.value), caught.value.field) == (f'layer "accuracy" (Accuracy): {message}', field)


def test_there_is_no_gradient():
    run = run_layer(TEXT, [np.zeros((2, 3)), [0, 1]])
    assert not any(run.layer.allow_force_backward(i) for i in (0, 1))
    run.backward(propagate_down=[False, False])
    with pytest.raises(LayerError) as caught:
        run.backward(propagate_down=[True, False])
    assert str(caught.value) == (
        'layer "accuracy" (Accuracy): a gradient was asked for; accuracy has none, it is a count. '
        "Take its loss_weight away, and let no layer that leads to a loss read its top."
    )
