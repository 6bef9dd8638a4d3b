"""TanH: a drawn case, the naive twin, in place, gradients, recorded values."""

import math

import numpy as np
import pytest

from tests.naive.activation import tanh, tanh_slope
from tests.support.gradients import check_gradients
from tests.support.nets import golden_layer, run_layer

TEXT = 'name: "tanh" type: "TanH" bottom: "ip1" top: "ip2"'
IN_PLACE = 'name: "tanh" type: "TanH" bottom: "ip1" top: "ip1"'


def test_drawn_case():
    run = run_layer(TEXT, [[0, 40, -40]]).backward([[2, 1, 1]])
    assert np.allclose(run.top[0].data, [tanh(0), 1, tanh(-40)])
    assert np.allclose(run.bottom[0].diff, [2 * tanh_slope(0), 0, 0])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("shape", [(2, 3, 4, 5), (70000,)])
def test_naive_twin(rng, dtype, shape):
    bottom, top_diff = rng.normal(0, 3, (2, *shape)).astype(dtype)
    run = run_layer(TEXT, [bottom], dtype=dtype).backward([top_diff])
    close = {"rtol": 0, "atol": 4e-6 if dtype == np.float32 else 1e-14}
    np.testing.assert_allclose(run.top[0].data, np.vectorize(tanh)(bottom), **close)
    np.testing.assert_allclose(run.bottom[0].diff, top_diff * np.vectorize(tanh_slope)(bottom), **close)
    assert np.array_equal(run.bottom[0].data, bottom)


def test_in_place_is_the_same(rng):
    bottom, top_diff = rng.normal(size=(2, 3, 7)).astype(np.float32)
    apart = run_layer(TEXT, [bottom]).backward([top_diff])
    together = run_layer(IN_PLACE, [bottom])
    assert np.array_equal(together.top[0].data, apart.top[0].data)
    assert np.array_equal(together.backward([top_diff]).bottom[0].diff, apart.bottom[0].diff)


def test_nan_stays_visible():
    assert np.isnan(run_layer(TEXT, [[math.nan]]).top[0].data[0])


def test_gradients(rng):
    check_gradients(TEXT, [rng.normal(size=(2, 3, 4))])
    check_gradients(IN_PLACE, [rng.normal(size=(2, 3, 4))])


def test_recorded_values():
    golden_layer("tanh")
