"""Windows of 3x3 taps in vector registers, held against plain Python."""

import numpy as np
import pytest

from netdef.kernels import _tap_blocks
from netdef.kernels._jit import kernel
from netdef.kernels._tap_blocks import VECTOR_BYTES


@kernel
def block_rows(*arguments):
    _tap_blocks.block_rows(*arguments)


@kernel
def block_sums(*arguments):
    _tap_blocks.block_sums(*arguments)


CASES = [  # height, width, row, column, stride, rows, count
    (5, 19, -1, -1, 1, 5, 19),
    (6, 40, -1, 0, 2, 3, 19),
    (4, 7, 0, 0, 1, 2, 5),
    (3, 37, -2, -2, 1, 5, 39),
    (7, 9, -1, -1, 2, 4, 5),
]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("case", CASES)
def test_rows(rng, case, dtype):
    source, weight = np.full(600, np.nan, dtype), rng.normal(size=40).astype(dtype)
    height, width, row, column, stride, rows, count = case
    source[7 : 7 + height * width] = rng.normal(size=height * width)
    results = np.zeros((2, 300), dtype)
    for run, result in zip((block_rows, _tap_blocks._plain_block_rows), results):
        run(source, 7, height, width, row, column, stride, weight, 30, -2, weight, 5, result, 3, rows, count)
    np.testing.assert_allclose(*results, atol=1e-5)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("case", CASES)
def test_sums(rng, case, dtype):
    source, diff = np.full(600, np.nan, dtype), np.full(600, np.nan, dtype)
    height, width, row, column, stride, rows, count = case
    source[7 : 7 + height * width] = rng.normal(size=height * width)
    diff[5 : 5 + rows * count] = rng.normal(size=rows * count)
    results = np.ones((2, 9 * VECTOR_BYTES // source.itemsize), dtype)
    for run, result in zip((block_sums, _tap_blocks._plain_block_sums), results):
        run(source, 7, height, width, row, column, stride, diff, 5, rows, count, result)
    np.testing.assert_allclose(*results, atol=1e-4)
