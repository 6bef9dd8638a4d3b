"""RBF: a drawn case, the twin, the digits as targets, gradients, threads, bad fields."""

import numpy as np
import pytest

from netdef.digit_bitmaps import digit_bitmaps
from netdef.errors import LayerError
from netdef.kernels import rbf as kernels
from tests.naive.rbf import rbf, rbf_backward
from tests.support.gradients import check_gradients
from tests.support.nets import make_layer, run_layer
from tests.support.threads import assert_same_bits

TEXT = 'name: "output" type: "RBF" bottom: "f6" top: "output"'


def with_fields(fields="num_output: 4"):
    return f"{TEXT} rbf_param {{ {fields} }}"


def test_drawn_case():
    run = run_layer(with_fields("num_output: 2"), [[[1, 2, 3]]], params=[[[1, 2, 3], [0, 0, 1]]]).backward([[5, 1]])
    assert np.array_equal(run.top[0].data, [[0, 1 + 4 + 4]])
    assert np.array_equal(run.bottom[0].diff, [[2, 4, 4]])
    assert np.array_equal(run.layer.blobs[0].diff, [[0, 0, 0], [-2, -4, -4]])


def test_a_digit_is_nearest_to_itself():
    run = run_layer(with_fields('num_output: 10 weight_filler { type: "digit_bitmaps" }'), [digit_bitmaps()])
    assert run.layer.blobs[0].shape == (10, 84)
    assert np.array_equal(run.top[0].data.argmin(axis=1), np.arange(10)) and not run.top[0].data.diagonal().any()
    assert np.sort(run.top[0].data, axis=1)[:, 1].min() >= 24  # at least 6 pixels between any two


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("shape", [(6, 5), (5, 2, 3), (300, 70)])
def test_naive_twin(rng, shape, dtype):
    bottom = rng.normal(size=shape).astype(dtype)
    flat = bottom.reshape(len(bottom), -1)
    weight = rng.normal(size=(4, flat.shape[1])).astype(dtype)
    run = run_layer(with_fields(), [bottom], dtype=dtype, params=[weight])
    close = {"rtol": 1e-4, "atol": 1e-3} if dtype == np.float32 else {"rtol": 1e-11, "atol": 1e-11}
    np.testing.assert_allclose(run.top[0].data, rbf(flat, weight), **close)
    top_diff = rng.normal(size=run.top[0].shape).astype(dtype)
    run.backward([top_diff])
    bottom_diff, weight_diff = rbf_backward(flat, weight, top_diff)
    np.testing.assert_allclose(run.bottom[0].diff.reshape(flat.shape), bottom_diff, **close)
    np.testing.assert_allclose(run.layer.blobs[0].diff, weight_diff, **close)
    assert np.array_equal(run.bottom[0].data, bottom) and np.array_equal(run.layer.blobs[0].data, weight)


def test_only_wanted_gradients_are_written():
    run = run_layer(with_fields(), [np.ones((2, 3))])
    run.bottom[0].diff[...] = 7
    run.layer.param_propagate_down = [False]
    run.backward([np.ones((2, 4))], propagate_down=[False])
    assert (run.bottom[0].diff == 7).all() and not run.layer.blobs[0].diff.any()


def test_gradients(rng):
    check_gradients(with_fields(), [rng.normal(size=(3, 2, 2))])


def test_same_bits_on_any_number_of_threads(rng):
    bottom, weight = rng.normal(size=(9, 84)).astype(np.float32), rng.normal(size=(10, 84)).astype(np.float32)
    distance, label = 30 * rng.random((9, 10)).astype(np.float32), np.arange(9, dtype=np.float32)
    assert_same_bits(kernels.distances, bottom, weight, distance)
    assert_same_bits(kernels.distances_to_bottom, bottom, weight, distance, np.empty_like(bottom))
    assert_same_bits(kernels.distances_to_weight, bottom, weight, distance, np.ones_like(weight))
    assert_same_bits(kernels.map_loss, distance, label, 0.1, np.zeros(9), np.empty_like(distance))
    assert_same_bits(kernels.loss_to_distance, distance, label, np.float32(0.3), np.empty_like(distance))


@pytest.mark.parametrize(
    "fields, shape, message, field",
    [
        (
            "",
            (2, 3),
            "num_output is missing; it must say how many targets there are, at least 1. Set num_output.",
            "rbf_param.num_output",
        ),
        (
            "num_output: 4",
            (),
            'bottom "f6" has shape (), no axes; a scalar has no items. Reshape it.',
            "bottom",
        ),
        (
            'num_output: 10 weight_filler { type: "digit_bitmaps" }',
            (2, 3),
            'the filler "digit_bitmaps" got shape (10, 3); it fills (10, 84) alone, ten digits of 7x12 pixels. Give '
            "the layer num_output 10 and 84 inputs, or choose another type.",
            "rbf_param.weight_filler.type",
        ),
    ],
)
def test_errors(fields, shape, message, field):
    with pytest.raises(LayerError) as caught:
        make_layer(with_fields(fields), [np.zeros(shape)])
    assert str(caught.value) == f'layer "output" (RBF): {message}'
    assert caught.value.field == field


def test_items_that_change_their_size():
    run = run_layer(with_fields(), [np.ones((2, 3))])
    run.bottom[0].reshape(2, 4)
    with pytest.raises(LayerError) as caught:
        run.forward()
    assert str(caught.value) == (
        'layer "output" (RBF): bottom "f6" now has shape (2, 4); the targets were made for items of 3 values. '
        "Change only the first axis."
    )


def test_in_place_is_refused():
    with pytest.raises(LayerError, match="this type cannot compute in place"):
        make_layer('name: "o" type: "RBF" bottom: "a" top: "a" rbf_param { num_output: 3 }', [np.ones((2, 3))])
