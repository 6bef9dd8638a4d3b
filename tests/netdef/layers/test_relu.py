"""ReLU: a drawn case, the naive twin, in place, gradients, recorded values."""

import math

import numpy as np
import pytest

from tests.naive.activation import relu, relu_slope
from tests.support.gradients import check_gradients
from tests.support.nets import golden_layer, run_layer

TEXT = 'name: "relu" type: "ReLU" bottom: "ip1" top: "ip2"'
IN_PLACE = 'name: "relu" type: "ReLU" bottom: "ip1" top: "ip1"'


def with_slope(slope, text=TEXT):
    return f"{text} relu_param {{ negative_slope: {slope} }}"


def test_drawn_case():
    run = run_layer(TEXT, [[-2, 0, 3]]).backward([[5, 6, 7]])
    assert np.array_equal(run.top[0].data, [0, 0, 3])
    assert np.array_equal(run.bottom[0].diff, [0, 0, 7])
    assert not np.signbit(run.top[0].data).any()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("slope", [0, 0.25, -1])
@pytest.mark.parametrize("shape", [(2, 3, 4, 5), (70000,)])
def test_naive_twin(rng, dtype, slope, shape):
    bottom, top_diff = rng.normal(size=(2, *shape)).astype(dtype)
    run = run_layer(with_slope(slope), [bottom], dtype=dtype).backward([top_diff])
    assert run.top[0].shape == shape
    assert np.array_equal(run.top[0].data, np.vectorize(relu)(bottom, slope))
    assert np.array_equal(run.bottom[0].diff, top_diff * np.vectorize(relu_slope)(bottom, slope))
    assert np.array_equal(run.bottom[0].data, bottom)


@pytest.mark.parametrize("slope", [0, 0.25])
@pytest.mark.parametrize("size", [(3, 7), (70000,)])
def test_in_place_is_the_same(rng, slope, size):
    bottom, top_diff = rng.normal(size=(2, *size)).astype(np.float32)
    apart = run_layer(with_slope(slope), [bottom]).backward([top_diff])
    together = run_layer(with_slope(slope, IN_PLACE), [bottom])
    assert np.array_equal(together.top[0].data, apart.top[0].data)
    assert np.array_equal(together.backward([top_diff]).bottom[0].diff, apart.bottom[0].diff)


def test_nan_stays_visible():
    run = run_layer(TEXT, [[math.nan, 1]]).backward([[1, 1]])
    assert np.isnan(run.top[0].data[0]) and run.bottom[0].diff[0] == 0


def test_gradients(rng):
    check_gradients(with_slope(0.2), [rng.normal(size=(2, 3, 4))], kink=0.0, kink_range=0.01)
    check_gradients(IN_PLACE, [rng.normal(size=(2, 3, 4))], kink=0.0, kink_range=0.01)


@pytest.mark.parametrize("name", ["relu", "relu_leaky"])
def test_recorded_values(name):
    golden_layer(name)
