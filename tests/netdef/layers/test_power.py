import numpy as np
import pytest

from tests.naive.power import power, power_backward
from tests.support.gradients import check_gradients
from tests.support.nets import golden_layer, run_layer

SHAPE = (2, 3, 4, 5)
SETTINGS = [
    # power, scale, shift
    (1.0, 1.0, 0.0),
    (1.0, -0.5, 1.0),
    (2.0, 0.5, 0.25),
    (2.0, 3.0, 0.0),
    (0.5, 0.75, 2.5),
    (-1.5, 0.5, 3.0),
    (3.0, 2.0, 0.0),
    (0.0, 2.0, 1.0),
    (3.0, 0.0, 2.0),
]


def text(exponent, scale, shift, top="t"):
    fields = f"power: {exponent} scale: {scale} shift: {shift}"
    return f'layer {{ name: "L" type: "Power" bottom: "b" top: "{top}" power_param {{ {fields} }} }}'


def values(shape=SHAPE):
    return np.random.default_rng(1701).uniform(0.1, 3, shape)


def test_by_hand():
    run = run_layer(text(2, 3, 1), [[0, 1, 2]]).backward([[1, 1, 10]])
    np.testing.assert_array_equal(run.top[0].data, [1, 16, 49])
    np.testing.assert_array_equal(run.bottom[0].diff, [6, 24, 420])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("settings", SETTINGS)
@pytest.mark.parametrize("top", ["t", "b"])
def test_twin(settings, dtype, top):
    bottom = values()
    run = run_layer(text(*settings, top), [bottom], dtype=dtype)
    tolerance = 1e-5 if dtype == np.float32 else 1e-12
    assert run.top[0].shape == SHAPE
    np.testing.assert_allclose(run.top[0].data, power(bottom, *settings), tolerance)
    diff = np.random.default_rng(2).normal(size=SHAPE)
    run.backward([diff])
    np.testing.assert_allclose(run.bottom[0].diff, power_backward(bottom, *settings, diff), tolerance, tolerance)
    if top == "t":
        np.testing.assert_array_equal(run.bottom[0].data, bottom.astype(dtype))
        np.testing.assert_array_equal(run.top[0].diff, diff.astype(dtype))


def test_defaults_change_nothing():
    run = run_layer('layer { name: "L" type: "Power" bottom: "b" top: "t" }', [values()], dtype=np.float64)
    np.testing.assert_array_equal(run.top[0].data, values())


def test_a_constant_that_is_no_number():
    assert np.isnan(run_layer(text(0.5, 0, -1), [[1.0]]).top[0].data).all()
    assert np.isinf(run_layer(text(-1, 0, 0), [[1.0]]).top[0].data).all()


def test_a_bottom_that_wants_no_gradient_gets_none():
    run = run_layer(text(2, 1, 0), [values()]).backward([values()], [False])
    assert not run.bottom[0].diff.any()


def test_many_values_go_through_the_parallel_kernels():
    bottom = values((7, 10000))
    run = run_layer(text(3, 1, 1), [bottom]).backward([np.ones((7, 10000))])
    np.testing.assert_allclose(run.top[0].data, (1 + bottom) ** 3, 1e-5)
    np.testing.assert_allclose(run.bottom[0].diff, 3 * (1 + bottom) ** 2, 1e-5)


@pytest.mark.parametrize("settings", SETTINGS)
def test_gradients(settings):
    check_gradients(text(*settings), [values((2, 3))], step=1e-4)


@pytest.mark.parametrize("settings", [(2.0, 0.5, 0.25), (1.0, 3.0, 1.0)])
def test_gradients_in_place(settings):
    check_gradients(text(*settings, "b"), [values((2, 3))])


@pytest.mark.parametrize("name", ["power", "power_frac", "power_linear"])
def test_golden(name):
    golden_layer(name)
