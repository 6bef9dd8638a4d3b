"""Strided rows in vector registers, held against the same in plain Python."""

import numpy as np
import pytest

from netdef.kernels import _strided_rows
from netdef.kernels._jit import kernel


@kernel
def strided_rows(*arguments):
    _strided_rows.strided_rows(*arguments)


@kernel
def weave_row(*arguments):
    _strided_rows.weave_row(*arguments)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(
    "rows, stride, shift, size, count",
    [(3, 2, -1, 40, 20), (2, 2, 0, 64, 32), (1, 3, -2, 41, 15), (4, 5, 2, 90, 33), (2, 2, -50, 7, 30), (0, 2, 0, 5, 3)],
)
def test_strided_rows(rng, dtype, rows, stride, shift, size, count):
    source = rng.normal(size=1000).astype(dtype)
    results = np.zeros((2, 400), dtype)
    for run, target in zip((strided_rows, _strided_rows._plain_strided_rows), results):
        run(rows, source, 99, 95, stride, shift, size, count, target, 5, count + 2)
    assert np.array_equal(*results)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(
    "row_step, back, even, odd, count",
    [
        (2, 1, (0, 2, 1), (1, 1, 1), 41),
        (1, 1, (0, 3, 0), (0, 0, 0), 8),
        (2, 3, (1, 2, 2), (0, 3, 4), 70),
        (2, 1, (0, 1, -3), (1, 1, 5), 64),
    ],
)
def test_weave_row(rng, dtype, row_step, back, even, odd, count):
    source = rng.normal(size=1000).astype(dtype)
    results = np.zeros((2, 100), dtype)
    for run, target in zip((weave_row, _strided_rows._plain_weave_row), results):
        run(source, 90, 40, 33, row_step, back, *even, *odd, count, target, 6)
    np.testing.assert_allclose(*results, atol=1e-5)
