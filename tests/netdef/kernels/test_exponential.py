"""The polynomials of exp, log1p and tanh over all of float32's range, at its ends, and for NaN."""

import numpy as np
import pytest

from netdef.kernels import exponential_runs
from netdef.kernels._jit import kernel
from netdef.kernels.exponential import exp, log1p, sigmoid, tanh


@kernel
def each_exp(values, result):
    for i in range(values.size):
        result[i] = exp(values[i])


@kernel
def each_log1p(values, result):
    for i in range(values.size):
        result[i] = log1p(values[i])


@kernel
def each_sigmoid(values, result):
    for i in range(values.size):
        result[i] = sigmoid(values[i])


@kernel
def each_tanh(values, result):
    for i in range(values.size):
        result[i] = tanh(values[i])


def run(function, values):
    result = np.empty_like(values)
    function(values, result)
    return result


@pytest.mark.parametrize("dtype, ulp", [(np.float32, 2), (np.float64, 1)])
def test_exp(dtype, ulp):
    values = np.linspace(-87, 88, 20011).astype(dtype)
    with np.errstate(all="ignore"):
        wanted = np.exp(values.astype(np.float64)).astype(dtype)
    assert (np.abs(run(each_exp, values) - wanted) <= ulp * np.spacing(wanted)).all()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_exp_at_the_ends(dtype):
    ends = np.array([0, -0.0, np.nan, np.inf, -np.inf, 1e30, -1e30], dtype)
    np.testing.assert_array_equal(run(each_exp, ends), [1, 1, np.nan, np.inf, 0, np.inf, 0])


def test_exp_of_what_float32_can_hardly_hold():
    values = np.array([88.7, 88.8, -88, -100, -103, -104], np.float32)
    wanted = np.array([np.exp(88.69999695), np.inf, *np.exp([-88.0, -100, -103]), 0])
    np.testing.assert_allclose(run(each_exp, values), wanted, 1e-5, 1.5e-45)


@pytest.mark.parametrize("dtype, ulp", [(np.float32, 2), (np.float64, 2)])
def test_log1p(dtype, ulp):
    values = np.concatenate([np.linspace(0, 1, 10007), 10.0 ** -np.arange(1, 38)]).astype(dtype)
    wanted = np.log1p(values.astype(np.float64)).astype(dtype)
    assert (np.abs(run(each_log1p, values) - wanted) <= ulp * np.spacing(wanted)).all()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_sigmoid(dtype):
    values = np.array([0, np.log(3), -np.log(3), 200, -200, np.inf, -np.inf, np.nan], dtype)
    np.testing.assert_allclose(run(each_sigmoid, values), [0.5, 0.75, 0.25, 1, 0, 1, 0, np.nan], 1e-6, 1e-40)


@pytest.mark.parametrize("dtype, ulp", [(np.float32, 2), (np.float64, 2)])
def test_tanh(dtype, ulp):
    values = np.concatenate([np.linspace(-20, 20, 20011), 10.0 ** -np.arange(1, 30)]).astype(dtype)
    wanted = np.tanh(values.astype(np.float64)).astype(dtype)
    assert (np.abs(run(each_tanh, values) - wanted) <= ulp * np.spacing(np.abs(wanted))).all()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_tanh_at_the_ends(dtype):
    ends = np.array([0, -0.0, np.nan, np.inf, -np.inf, 1e30, -1e30], dtype)
    result = run(each_tanh, ends)
    np.testing.assert_array_equal(result, [0, 0, np.nan, 1, -1, 1, -1])
    assert np.signbit(result[1])


RUNS = {
    "exp": (exponential_runs.exp_run, each_exp),
    "sigmoid": (exponential_runs.sigmoid_run, each_sigmoid),
    "tanh": (exponential_runs.tanh_run, each_tanh),
}


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", RUNS)
def test_runs_give_what_single_values_give(name, dtype):
    ends = [0, -0.0, np.nan, np.inf, -np.inf, 1e30, -1e30, 88.7, 88.8, -100, -104]
    values = np.concatenate([np.linspace(-87, 88, 2003), np.linspace(-1, 1, 301), ends]).astype(dtype)
    function, each = RUNS[name]
    wanted = run(each, values)
    for first, count in ((0, values.size), (3, 50), (values.size - 1, 1), (5, 0)):
        result = np.full_like(values, 7)
        function(values, first, count, result)
        part = slice(first, first + count)
        np.testing.assert_allclose(result[part], wanted[part], 4e-7, 3e-45)
        assert np.array_equal(np.signbit(result[part]), np.signbit(wanted[part])) or name == "exp"
        assert (np.delete(result, np.arange(first, first + count)) == 7).all()


@pytest.mark.parametrize("name, ulp", [("sigmoid", 4), ("tanh", 2)])
def test_runs_are_exact_to_some_units_in_the_last_place(name, ulp):
    values = np.linspace(-20, 20, 40007).astype(np.float32)
    wanted = {"sigmoid": lambda x: 1 / (1 + np.exp(-x)), "tanh": np.tanh}[name](values.astype(np.float64))
    wanted, result = wanted.astype(np.float32), np.empty_like(values)
    RUNS[name][0](values, 0, values.size, result)
    assert (np.abs(result - wanted) <= ulp * np.spacing(np.abs(wanted))).all()
