"""Matrix products against NumPy's, with rows at any distance, deep enough to be cut into blocks."""

from itertools import product

import numpy as np
import pytest

from netdef.kernels.gemm import dot_rows, multiply_depths, multiply_rows


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("rows, columns, depth", [(1, 1, 1), (7, 70, 300), (13, 5, 20)])
def test_multiply_rows(rng, dtype, rows, columns, depth):
    a, b = rng.normal(size=(rows, depth)).astype(dtype), rng.normal(size=(depth, columns)).astype(dtype)
    c = rng.normal(size=(rows, columns)).astype(dtype)
    zeros = np.zeros(rows, dtype)
    by_columns = np.arange(max(rows, depth)) * columns
    plain = a, np.arange(rows) * depth, np.arange(depth)
    for values, a_rows, a_steps in (plain, (a.T, np.arange(rows), np.arange(depth) * rows)):
        for add in (False, True):
            for run, by_rows, slots in product((multiply_rows.serial, multiply_rows), (False, True), (1, 3)):
                out = c.reshape(-1).copy()
                flat = np.ascontiguousarray(values).reshape(-1)
                run(rows, columns, depth, flat, a_rows, a_steps, b.reshape(-1), by_columns, zeros, add, by_rows,
                    slots, out, by_columns)  # fmt: skip
                np.testing.assert_allclose(out.reshape(c.shape), a @ b + c * add, atol=1e-4)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("rows, columns, depth", [(1, 1, 2), (7, 170, 300), (13, 5, 20)])
def test_multiply_depths(rng, dtype, rows, columns, depth):
    a, b = rng.normal(size=(rows, depth)).astype(dtype), rng.normal(size=(depth, columns)).astype(dtype)
    by_columns, found = np.arange(max(rows, depth)) * columns, []
    for run, shares in product((multiply_depths.serial, multiply_depths), (1, 3)):
        out, partial = np.empty(rows * columns, dtype), np.empty(2 * rows * columns, dtype)
        run(rows, columns, depth, a.reshape(-1), np.arange(rows) * depth, np.arange(depth), b.reshape(-1), by_columns,
            np.zeros(rows, dtype), 2, shares, partial, out, by_columns)  # fmt: skip
        np.testing.assert_allclose(out.reshape(rows, columns), a @ b, atol=1e-4)
        found.append(out.tobytes())
    assert len(set(found)) == 1


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("rows, columns, depth", [(1, 1, 1), (7, 13, 1100), (12, 4, 20)])
def test_dot_rows(rng, dtype, rows, columns, depth):
    a, b = rng.normal(size=(rows, depth)).astype(dtype), rng.normal(size=(columns, depth)).astype(dtype)
    start = rng.normal(size=columns).astype(dtype)
    for run, slots in ((dot_rows.serial, 1), (dot_rows, 2)):
        out = np.empty(rows * columns, dtype)
        run(rows, columns, depth, a.reshape(-1), b.reshape(-1), np.arange(columns) * depth, start, slots, out)
        np.testing.assert_allclose(out.reshape(rows, columns), a @ b.T + start, atol=2e-4)
