import numpy as np
import pytest

from netdef.kernels.activation import relu_forward
from netdef.kernels.batch_norm import normalize_by_statistics
from netdef.kernels.finish import finish_planes, finish_row, read_finish
from netdef.kernels.scale import multiply_by_scale_and_add
from tests.naive.finish import finish


def drawn(dtype, shape=(2, 5, 3, 7)):
    rng = np.random.default_rng(3)
    data = rng.normal(size=shape)
    vectors = rng.normal(size=5), rng.uniform(0.3, 2, 5), rng.normal(size=5), rng.normal(size=5)
    return data.astype(dtype), [vector.astype(dtype) for vector in vectors]


@pytest.mark.parametrize("twin", ["serial", "parallel"])
@pytest.mark.parametrize("slope", [0, 0.1, 1])
@pytest.mark.parametrize("dtype, tolerance", [(np.float32, 2e-6), (np.float64, 1e-14)])
def test_it_equals_the_naive_twin(twin, slope, dtype, tolerance):
    data, vectors = drawn(dtype)
    expected = finish(data, *vectors, slope)
    getattr(finish_planes, twin)(*vectors, dtype(slope), 21, data.reshape(-1))
    np.testing.assert_allclose(data, expected, rtol=tolerance, atol=tolerance)


def test_it_gives_the_bits_of_the_three_layers():
    data, (mean, deviation, factor, term) = drawn(np.float32, (3, 5, 11, 13))
    data[0, 0, 0, :3] = np.nan, np.inf, -np.inf
    expected = np.empty_like(data).reshape(-1)
    normalize_by_statistics(data.reshape(-1), mean, deviation, 143, expected)
    multiply_by_scale_and_add(expected, factor, term, 143, expected)
    relu_forward(expected.copy(), np.float32(0.2), expected)
    finish_planes(mean, deviation, factor, term, np.float32(0.2), 143, data.reshape(-1))
    np.testing.assert_array_equal(data.reshape(-1), expected)


def test_neutral_parameters_leave_values_alone():
    data = np.array([1e-30, -3.7, 0, np.inf, -np.inf, np.nan, 1e30, -1e-38], np.float32)
    kept, zeros, ones = data.copy(), np.zeros(2, np.float32), np.ones(2, np.float32)
    finish_planes(zeros, ones, ones, zeros, np.float32(1), 4, data)
    np.testing.assert_array_equal(data, kept)


@pytest.mark.parametrize("slope", [0, 0.2])
def test_a_row_gets_the_bits_that_planes_get(slope):
    data, vectors = drawn(np.float32)
    data[0, 0, 0, :3] = np.nan, np.inf, -np.inf
    expected, finish = data.copy(), np.empty((5, 5), np.float32)
    finish_planes(*vectors, np.float32(slope), 21, expected.reshape(-1))
    read_finish(*vectors, np.float32(slope), finish)
    for row in range(10):
        finish_row(finish, row % 5, data.reshape(-1), row * 21, 20)
    np.testing.assert_array_equal(data.reshape(10, 21)[:, :20], expected.reshape(10, 21)[:, :20])
    assert not np.array_equal(data.reshape(10, 21)[:, 20], expected.reshape(10, 21)[:, 20])


def test_a_finish_of_one_row_is_relu():
    data, _ = drawn(np.float32)
    expected = np.empty(data.size, np.float32)
    relu_forward(data.reshape(-1), np.float32(0.2), expected)
    finish_row(np.full((1, 5), 0.2, np.float32), 3, data.reshape(-1), 0, data.size)
    np.testing.assert_array_equal(data.reshape(-1), expected)
