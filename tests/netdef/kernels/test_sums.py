"""Sums in float64, and the greatest of a row."""

import numpy as np
import pytest

from netdef.kernels.sums import block_dot, block_square_deviation, block_sum, greatest


@pytest.mark.parametrize("size", [1, 7, 8, 9, 27])
def test_greatest_at_every_place(size):
    for place in range(size):
        values = -np.arange(1, size + 1, dtype=np.float32)
        values[place] = 5
        assert greatest(values) == 5


def test_greatest_passes_over_nan_but_for_the_first():
    assert greatest(np.array([1, np.nan, 3, 2], np.float32)) == 3
    assert np.isnan(greatest(np.array([np.nan, 1, 3], np.float32)))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("size", [0, 1, 7, 16, 33, 200])
def test_sums_in_float64(size, dtype):
    rng = np.random.default_rng(5)
    first, second = rng.standard_normal((2, 203)).astype(dtype)
    row, other, mean = first[3 : 3 + size], second[3 : 3 + size], dtype(0.25)
    assert abs(block_sum(first, 3, 3 + size) - row.sum(dtype=np.float64)) < 1e-12
    assert abs(block_dot(first, second, 3, 3 + size) - (row * other).sum(dtype=np.float64)) < 1e-12
    wanted = ((row - mean) ** 2).sum(dtype=np.float64)
    assert abs(block_square_deviation(first, mean, 3, 3 + size) - wanted) < 1e-12


def test_sums_pass_over_what_lies_beside():
    values = np.array([np.nan, 1, 2, 4, np.inf], np.float32)
    assert block_sum(values, 1, 4) == 7
    assert block_dot(values, values, 1, 4) == 21
    assert block_square_deviation(values, np.float32(1), 1, 4) == 10
