"""ContrastiveLoss: a drawn case, the twin, gradients, recorded values, bad shapes."""

import numpy as np
import pytest

from netdef.errors import LayerError
from tests.naive.distance_loss import contrastive_loss
from tests.support.gradients import check_gradients
from tests.support.nets import golden_layer, make_layer, run_layer

TEXT = 'name: "loss" type: "ContrastiveLoss" bottom: "a" bottom: "b" bottom: "similar" top: "loss"'


def with_fields(fields):
    return f"{TEXT} contrastive_loss_param {{ {fields} }}"


def draw(shape=(6, 4)):
    generator = np.random.default_rng(1701)
    return [generator.normal(size=shape), generator.normal(size=shape), np.arange(shape[0]) % 2]


def test_drawn_case():
    # distance 5, similar; distance 3 of a margin of 4; distance 5, beyond it
    first = [[3, 4], [0, 3], [3, -4]]
    run = run_layer(with_fields("margin: 4"), [first, np.zeros((3, 2)), [1, 0, 0]]).backward()
    assert run.top[0].shape == () and run.top[0].data == pytest.approx((25 + 1) / 6)
    wanted = np.array([[3, 4], [0, -1 / 3.0001 * 3], [0, 0]]) / 3
    np.testing.assert_allclose(run.bottom[0].diff, wanted, 1e-6)
    np.testing.assert_allclose(run.bottom[1].diff, -wanted, 1e-6)
    legacy = run_layer(with_fields("margin: 16 legacy_version: true"), [first, np.zeros((3, 2)), [1, 0, 0]]).backward()
    assert legacy.top[0].data == pytest.approx((25 + 7) / 6)
    np.testing.assert_allclose(legacy.bottom[0].diff, np.array([[3, 4], [0, -3], [0, 0]]) / 3, 1e-6)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("legacy", [False, True])
@pytest.mark.parametrize("margin", [1, 3, 9])
@pytest.mark.parametrize("shape", [(6, 4), (5, 3, 1, 1), (100, 700)])
def test_naive_twin(shape, margin, legacy, dtype):
    bottoms = draw(shape)
    text = with_fields(f"margin: {margin} legacy_version: {str(legacy).lower()}") + " loss_weight: 0.5"
    run = run_layer(text, bottoms, dtype=dtype).backward()
    loss, gradient = contrastive_loss(*bottoms, margin, legacy)
    tolerance = 1e-5 if dtype == np.float32 else 1e-12
    assert run.top[0].data == pytest.approx(loss, rel=tolerance)
    np.testing.assert_allclose(run.bottom[0].diff, gradient / 2, tolerance, tolerance)
    np.testing.assert_allclose(run.bottom[1].diff, -gradient / 2, tolerance, tolerance)
    for blob, values in zip(run.bottom, bottoms):
        np.testing.assert_array_equal(blob.data, values.astype(dtype))


def test_only_wanted_gradients_are_written():
    run = run_layer(TEXT, draw())
    for blob in run.bottom:
        blob.diff[...] = 7
    run.backward(propagate_down=[False, True, False])
    assert [(blob.diff == 7).all() for blob in run.bottom] == [True, False, True]


@pytest.mark.parametrize("fields", ["margin: 3", "margin: 9 legacy_version: true"])
def test_gradients(fields):
    check_gradients(with_fields(fields), draw((4, 3)), threshold=2e-4)


def test_recorded():
    golden_layer("contrastive")


@pytest.mark.parametrize(
    "shapes, message, field",
    [
        (
            [(4, 3, 2), (4, 3), (4,)],
            'bottom "a" has shape (4, 3, 2); it must have one row of values for each item, (N, C) or (N, C, 1, 1). '
            "Flatten it.",
            "bottom[0]",
        ),
        (
            [(4, 3), (4, 2), (4,)],
            'bottom "a" has shape (4, 3) and bottom "b" has shape (4, 2); they must have equally many channels. '
            "Make them equal.",
            "bottom[1]",
        ),
        (
            [(4, 3), (4, 3), (4, 2)],
            'bottom "similar" has shape (4, 2), 8 values; there are 4 pairs, and each must have one. Change its shape.',
            "bottom[2]",
        ),
    ],
)
def test_errors(shapes, message, field):
    with pytest.raises(LayerError) as caught:
        make_layer(TEXT, [np.zeros(shape) for shape in shapes])
    assert str(caught.value) == f'layer "loss" (ContrastiveLoss): {message}'
    assert caught.value.field == field


def test_no_gradient_for_similarity():
    run = run_layer(TEXT, draw())
    assert [run.layer.allow_force_backward(i) for i in range(3)] == [True, True, False]
    with pytest.raises(LayerError) as caught:
        run.backward(propagate_down=[True, True, True])
    assert str(caught.value) == (
        'layer "loss" (ContrastiveLoss): the gradient with respect to bottom "similar", which pairs are similar, was '
        "asked for; there is none. Set propagate_down to false for it."
    )
