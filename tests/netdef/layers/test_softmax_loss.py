"""SoftmaxWithLoss: a drawn case, the naive twin, gradients, recorded values, labels that are no class."""

import numpy as np
import pytest

from netdef.errors import DataError, LayerError
from tests.naive.softmax import softmax
from tests.naive.softmax_loss import softmax_loss
from tests.support.gradients import check_gradients
from tests.support.nets import golden_layer, make_layer, run_layer

TEXT = 'name: "loss" type: "SoftmaxWithLoss" bottom: "ip" bottom: "label" top: "loss"'
MODES = ["FULL", "VALID", "BATCH_SIZE", "NONE"]


def with_loss(fields):
    return f"{TEXT} loss_param {{ {fields} }}"


@pytest.fixture
def spatial(rng):
    """Scores (2, 3, 4, 5), classes on axis 1, and 2 * 4 * 5 labels."""
    return rng.normal(0, 2, (2, 3, 4, 5)), rng.integers(0, 3, (2, 1, 4, 5)).astype(float)


def test_drawn_case():
    # probabilities  1/8 3/8 4/8   label 1
    #                1/4 1/4 2/4   label 2
    scores = np.log([[1, 3, 4], [1, 1, 2]])
    run = run_layer(TEXT, [scores, [1, 2]]).backward()
    assert run.top[0].shape == ()
    assert run.top[0].data == pytest.approx(-(np.log(3 / 8) + np.log(2 / 4)) / 2, rel=1e-6)
    assert np.allclose(run.bottom[0].diff, [[1 / 16, -5 / 16, 4 / 16], [1 / 8, 1 / 8, -2 / 8]])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("ignore_label", [None, 0, -1])
@pytest.mark.parametrize("mode", MODES)
def test_naive_twin(spatial, dtype, mode, ignore_label):
    scores, labels = spatial
    if ignore_label == -1:
        labels[0, 0, 1] = -1
    fields = f"normalization: {mode}" + (f" ignore_label: {ignore_label}" if ignore_label is not None else "")
    run = run_layer(with_loss(fields), [scores, labels], dtype=dtype).backward()
    loss, gradient = softmax_loss(scores, labels, 1, ignore_label, mode)
    tolerance = 1e-6 if dtype == np.float32 else 1e-14
    assert run.top[0].data == pytest.approx(loss, rel=tolerance)
    assert np.allclose(run.bottom[0].diff, gradient, atol=tolerance)
    assert np.array_equal(run.bottom[0].data, scores.astype(dtype)) and np.array_equal(run.bottom[1].data, labels)


@pytest.mark.parametrize("axis", [2, -1])
def test_axis(rng, axis):
    scores = rng.normal(size=(2, 3, 4))
    axis_from_front = axis % 3
    labels = rng.integers(0, scores.shape[axis], (2, 24 // scores.shape[axis] // 2))
    run = run_layer(f"{TEXT} softmax_param {{ axis: {axis} }}", [scores, labels], dtype=np.float64).backward()
    loss, gradient = softmax_loss(scores, labels, axis_from_front)
    assert run.top[0].data == pytest.approx(loss)
    assert np.allclose(run.bottom[0].diff, gradient)


@pytest.mark.parametrize(
    "fields, mode",
    [
        ("", "VALID"),
        ("normalize: true", "VALID"),
        ("normalize: false", "BATCH_SIZE"),
        ("normalize: false normalization: NONE", "NONE"),
    ],
)
def test_older_normalize_field(spatial, fields, mode):
    run = run_layer(with_loss(f"{fields} ignore_label: 1"), spatial)
    assert run.top[0].data == pytest.approx(softmax_loss(*spatial, 1, 1, mode)[0], rel=1e-6)


def test_batch_without_a_single_label(rng):
    run = run_layer(with_loss("ignore_label: 2"), [rng.normal(size=(3, 4)), [2, 2, 2]]).backward()
    assert run.top[0].data == 0
    assert not run.bottom[0].diff.any()


def test_loss_weight_scales_the_gradient(rng):
    bottoms = rng.normal(size=(3, 4)), [1, 0, 3]
    whole, part = (run_layer(f"{TEXT} {weight}", bottoms).backward() for weight in ("", "loss_weight: 0.25"))
    assert part.top[0].data == whole.top[0].data
    assert np.allclose(part.bottom[0].diff, whole.bottom[0].diff / 4)


@pytest.mark.parametrize("weights", ["", "loss_weight: 1 loss_weight: 0"])
def test_second_top_is_the_softmax(spatial, weights):
    text = f'{TEXT} top: "prob" {weights}'
    run = run_layer(text, spatial).backward()
    assert run.layer.loss_weights == [1, 0]
    assert np.allclose(run.top[1].data, softmax(spatial[0], 1), atol=1e-6)
    alone = run_layer(TEXT, spatial).backward()
    assert run.top[0].data == alone.top[0].data
    assert np.array_equal(run.bottom[0].diff, alone.bottom[0].diff)


def test_probability_zero_has_a_finite_loss():
    run = run_layer(TEXT, [[[0, 1000]], [0]])
    assert run.top[0].data == pytest.approx(-np.log(np.finfo(np.float32).tiny), rel=1e-6)


def test_nan_stays_nan():
    assert np.isnan(run_layer(TEXT, [[[np.nan, 0]], [0]]).top[0].data)


@pytest.mark.parametrize("mode", MODES)
def test_gradients(spatial, mode):
    check_gradients(with_loss(f"normalization: {mode} ignore_label: 1"), spatial)


# -- class weights, which Caffe does not have --------------------------------------------------------------------

WEIGHTS = "class_weight: 0.5 class_weight: 3 class_weight: 0 "


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("mode", MODES)
def test_class_weights(spatial, dtype, mode):
    run = run_layer(with_loss(f"{WEIGHTS} normalization: {mode} ignore_label: 0"), spatial, dtype=dtype).backward()
    loss, gradient = softmax_loss(*spatial, 1, 0, mode, [0.5, 3, 0])
    tolerance = 1e-6 if dtype == np.float32 else 1e-14
    assert run.top[0].data == pytest.approx(loss, rel=tolerance)
    assert np.allclose(run.bottom[0].diff, gradient, atol=tolerance)


def test_class_weights_of_one_change_nothing(spatial):
    plain, weighted = (run_layer(with_loss(fields), spatial).backward() for fields in ("", "class_weight: 1 " * 3))
    assert plain.top[0].data == weighted.top[0].data
    assert np.array_equal(plain.bottom[0].diff, weighted.bottom[0].diff)


def test_gradients_with_class_weights(spatial):
    check_gradients(with_loss(WEIGHTS), spatial)


@pytest.mark.parametrize(
    "fields, sentence",
    [
        ("class_weight: 1 class_weight: 2", "has 2 class_weight for 3 classes; give one for each class or none."),
        ("class_weight: [1, -2, 1]", "class_weight 1 is -2; expected 0 or more. Change it."),
        ("class_weight: [1, 1, nan]", "class_weight 2 is nan; expected 0 or more. Change it."),
    ],
)
def test_wrong_class_weights(spatial, fields, sentence):
    with pytest.raises(LayerError) as caught:
        run_layer(with_loss(fields), spatial)
    assert caught.value.message == sentence


def test_class_weights_of_another_loss(rng):
    text = 'name: "loss" type: "EuclideanLoss" bottom: "a" bottom: "b" top: "loss" loss_param { class_weight: 1 }'
    with pytest.raises(LayerError) as caught:
        run_layer(text, [rng.normal(size=(2, 3)), rng.normal(size=(2, 3))])
    assert caught.value.message == "class_weight is for SoftmaxWithLoss alone. Take it away."


@pytest.mark.parametrize(
    "name",
    ["softmaxloss", "softmaxloss_ignore", "softmaxloss_norm_full", "softmaxloss_norm_none", "softmaxloss_spatial"],
)
def test_recorded(name):
    golden_layer(name)


@pytest.mark.parametrize("label, shown", [(4, "4"), (-1, "-1"), (255, "255"), (np.nan, "nan"), (1e9, "1e+09")])
def test_label_that_is_no_class(label, shown):
    run = make_layer(with_loss("ignore_label: 7"), [np.zeros((2, 4, 3)), [[7, 1, 2], [0, label, 3]]])
    with pytest.raises(DataError) as caught:
        run.forward()
    assert str(caught.value) == (
        f'layer "loss" (SoftmaxWithLoss): bottom "label" has the label {shown} at index (1, 1); there are 4 classes, '
        "0 to 3. Correct the label, give the scores more classes (num_output), or set ignore_label."
    )
    assert caught.value.field == "bottom[1]"


ERRORS = [
    (
        [(2, 3, 4), (2, 5)],
        "",
        'bottom "label" has shape (2, 5), 10 labels; bottom "ip" has shape (2, 3, 4) with the classes on axis 1, '
        "which takes 8 labels, one for each of (2, 4). Change the labels or the axis.",
    ),
    (
        [(2, 3), (2,)],
        "softmax_param { axis: 2 }",
        'axis is 2 but bottom "ip" has shape (2, 3); axis must be from -2 to 1. Name an axis that it has.',
    ),
    (
        [(2, 3), (3,)],
        "",
        'bottom "ip" has shape (2, 3) and "label" has shape (3,); their first axes, the batch, must agree. '
        "Give both the same batch size.",
    ),
]


@pytest.mark.parametrize("shapes, fields, message", ERRORS)
def test_shapes_that_do_not_fit(shapes, fields, message):
    with pytest.raises(LayerError) as caught:
        make_layer(f"{TEXT} {fields}", [np.zeros(shape) for shape in shapes])
    assert str(caught.value) == f'layer "loss" (SoftmaxWithLoss): {message}'


def test_no_gradient_for_labels():
    run = run_layer(TEXT, [np.zeros((2, 3)), [0, 1]])
    assert [run.layer.allow_force_backward(i) for i in (0, 1)] == [True, False]
    with pytest.raises(LayerError) as caught:
        run.backward(propagate_down=[True, True])
    assert str(caught.value) == (
        'layer "loss" (SoftmaxWithLoss): the gradient with respect to bottom "label", the labels, was asked for; '
        "there is none. Set propagate_down to false for it, or take the labels from a layer that learns nothing."
    )


def test_nothing_is_written_without_propagate_down():
    run = run_layer(TEXT, [np.zeros((2, 3)), [0, 1]])
    run.bottom[0].diff[...] = 7
    run.backward(propagate_down=[False, False])
    assert (run.bottom[0].diff == 7).all()


def test_pre_fixed_normalizer(rng):
    arrays = [rng.normal(size=(2, 3, 4, 5)), rng.integers(0, 3, (2, 4, 5))]
    text = 'name: "loss" type: "SoftmaxWithLoss" bottom: "a" bottom: "b" top: "l" loss_param {{ normalization: {} }}'
    fixed = run_layer(text.format("PRE_FIXED pre_fixed_normalizer: 0.25"), arrays, dtype=np.float64)
    whole = run_layer(text.format("NONE"), arrays, dtype=np.float64)
    assert fixed.top[0].data == pytest.approx(4 * whole.top[0].data)
    assert run_layer(text.format("PRE_FIXED"), arrays, dtype=np.float64).top[0].data == whole.top[0].data
    with pytest.raises(LayerError) as caught:
        make_layer(text.format("PRE_FIXED pre_fixed_normalizer: 0"), arrays)
    assert str(caught.value) == (
        'layer "loss" (SoftmaxWithLoss): pre_fixed_normalizer is 0; it must be above 0. Raise it.'
    )
