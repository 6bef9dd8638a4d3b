"""Register tiles against their twins in NumPy, at every size of tile and with every kind of remainder."""

import numpy as np
import pytest

from netdef.kernels import _plain_tiles as plain
from netdef.kernels import tiles
from netdef.kernels._jit import kernel
from netdef.kernels.tiles import DOT_COLUMNS, DOT_ROWS, TILE_BYTES, TILE_ROWS


@kernel
def multiply_tile(*arguments):
    tiles.multiply_tile(*arguments)


@kernel
def dot_tile(*arguments):
    tiles.dot_tile(*arguments)


@kernel
def copy_rows(*arguments):
    tiles.copy_rows(*arguments)


@kernel
def fold_row(*arguments):
    tiles.fold_row(*arguments)


@kernel
def sum_row(array, first, count):
    return tiles.sum_row(array, first, count)


def assert_same(function, twin, arguments, output, tolerance=1e-4):
    """Both write to copies of ``output``, whose place among the arguments is None."""
    results = []
    for run in (function, twin):
        copy = output.copy()
        run(*(copy if argument is None else argument for argument in arguments))
        results.append(copy)
    np.testing.assert_allclose(*results, atol=tolerance)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("add", [0, 1])
def test_multiply_tile(rng, dtype, add):
    width = TILE_BYTES // np.dtype(dtype).itemsize
    a, b, c = rng.normal(size=(3, 1500)).astype(dtype)
    start = rng.normal(size=20).astype(dtype)
    single = np.arange(50)
    steps, places, a_rows = rng.integers(0, 1000, 50), np.arange(50) * (width // 2) + 3, np.arange(20) * 41
    for rows in range(1, TILE_ROWS + 1):
        for columns in {1, 5, width // 4, width // 2 + 1, width - 1, width}:
            for depth in (1, 37):
                left, right = (a, 5, a_rows, single, 1), (b, 7, steps, 2)
                arguments = (rows, columns, depth, 1, *left, *right, start, 3, add, None, 3, places, 70)
                assert_same(multiply_tile, plain.multiply_tile, arguments, c)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("add", [0, 1])
@pytest.mark.parametrize("length", [1, 7, 16, 49, 64])
def test_dot_tile(rng, dtype, add, length):
    a, b, d = rng.normal(size=(3, 2500)).astype(dtype)
    start, places = rng.normal(size=20).astype(dtype), rng.integers(0, 1000, 50)
    for rows in range(1, DOT_ROWS + 1):
        for columns in range(1, DOT_COLUMNS + 1):
            arguments = (rows, columns, 3, length, a, 5, 70, 400, b, 7, 200, places, 2, start, 3, add, None, 3, 9)
            assert_same(dot_tile, plain.dot_tile, arguments, d)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(
    "shift, size, count", [(0, 8, 8), (-2, 3, 8), (3, 40, 37), (2, 6, 9), (-70, 70, 70), (0, 0, 5)]
)
def test_copy_rows(rng, dtype, shift, size, count):
    source, target = rng.normal(size=(2, 1000)).astype(dtype)
    for rows in (0, 1, 5):
        arguments = (rows, source, 200, 90, shift, size, count, None, 11, count)
        assert_same(copy_rows, plain.copy_rows, arguments, target, 0)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("pad, dilation, rows, length, count", [(0, 1, 5, 8, 12), (1, 1, 3, 20, 20), (2, 2, 3, 33, 33)])
@pytest.mark.parametrize("room", [0, 64])
def test_fold_row(rng, dtype, pad, dilation, rows, length, count, room):
    source = rng.normal(size=1000).astype(dtype)
    results = np.zeros((2, 1000), dtype)
    for run, target in zip((fold_row, plain.fold_row), results):
        run(source, 90, rows, 50, length, pad, dilation, count, room, target, 4)
    np.testing.assert_allclose(results[0, : 4 + count], results[1, : 4 + count], atol=1e-5)
    assert room or not results[0, 4 + count :].any()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("count", [1, 7, 64, 500])
def test_sum_row(rng, dtype, count):
    array = rng.normal(size=600).astype(dtype)
    assert abs(sum_row(array, 3, count) - plain.sum_row(array, 3, count)) < 1e-4


def test_a_dot_product_passes_over_what_its_mask_leaves_out():
    a = np.full(64, np.nan, np.float32)
    a[:3] = [1, 2, 3]
    d = np.zeros(1, np.float32)
    dot_tile(1, 1, 1, 3, a, 0, 0, 0, a, 0, 0, np.zeros(1, np.int64), 0, np.ones(1, np.float32), 0, 0, d, 0, 1)
    assert d[0] == 15
