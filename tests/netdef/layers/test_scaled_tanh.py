"""ScaledTanH: a drawn case, the naive twin, in place, gradients, bad numbers."""

import numpy as np
import pytest

from netdef.errors import LayerError
from netdef.kernels.activation import scaled_tanh_backward, scaled_tanh_forward
from tests.naive.activation import scaled_tanh, scaled_tanh_slope
from tests.support.gradients import check_gradients
from tests.support.nets import make_layer, run_layer
from tests.support.threads import assert_same_bits

TEXT = 'name: "squash" type: "ScaledTanH" bottom: "f6" top: "squash"'
IN_PLACE = 'name: "squash" type: "ScaledTanH" bottom: "f6" top: "f6"'
FIELDS = " scaled_tanh_param { amplitude: 3 slope: 0.5 }"


def test_the_papers_points():
    run = run_layer(TEXT, [[0, 1, -1, 40, -40]])
    np.testing.assert_allclose(run.top[0].data, [0, 1, -1, 1.7159, -1.7159], atol=2e-5)
    run.backward([[2, 0, 0, 1, 1]])
    np.testing.assert_allclose(run.bottom[0].diff, [2 * 1.7159 * 2 / 3, 0, 0, 0, 0], atol=1e-6)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("shape", [(2, 3, 4, 5), (70000,)])
def test_naive_twin(rng, shape, dtype):
    bottom, top_diff = rng.normal(0, 3, (2, *shape)).astype(dtype)
    run = run_layer(TEXT + FIELDS, [bottom], dtype=dtype).backward([top_diff])
    close = {"rtol": 0, "atol": 8e-6 if dtype == np.float32 else 1e-13}
    twin, slope = (np.vectorize(lambda x, f=f: f(x, 3, 0.5)) for f in (scaled_tanh, scaled_tanh_slope))
    np.testing.assert_allclose(run.top[0].data, twin(bottom), **close)
    np.testing.assert_allclose(run.bottom[0].diff, top_diff * slope(bottom), **close)
    assert np.array_equal(run.bottom[0].data, bottom)


def test_in_place_is_the_same(rng):
    bottom, top_diff = rng.normal(size=(2, 3, 7)).astype(np.float32)
    apart = run_layer(TEXT, [bottom]).backward([top_diff])
    together = run_layer(IN_PLACE, [bottom])
    assert np.array_equal(together.top[0].data, apart.top[0].data)
    assert np.array_equal(together.backward([top_diff]).bottom[0].diff, apart.bottom[0].diff)


def test_gradients(rng):
    check_gradients(TEXT, [rng.normal(size=(2, 3, 4))])
    check_gradients(IN_PLACE + FIELDS, [rng.normal(size=(2, 3, 4))])


def test_same_bits_on_any_number_of_threads(rng):
    bottom, diff, target = rng.normal(size=(3, 1000)).astype(np.float32)
    numbers = np.float32(1.7159), np.float32(2 / 3)
    assert_same_bits(scaled_tanh_forward, bottom, *numbers, target)
    assert_same_bits(scaled_tanh_backward, diff, bottom, *numbers, target)


@pytest.mark.parametrize("name, value", [("amplitude", "0"), ("slope", "0"), ("amplitude", "nan"), ("slope", "inf")])
def test_bad_numbers(name, value):
    with pytest.raises(LayerError) as caught:
        make_layer(f"{TEXT} scaled_tanh_param {{ {name}: {value} }}", [np.zeros(3)])
    assert str(caught.value) == (
        f'layer "squash" (ScaledTanH): {name} is {value}; it must be a number other than 0. Correct it.'
    )
    assert caught.value.field == f"scaled_tanh_param.{name}"
