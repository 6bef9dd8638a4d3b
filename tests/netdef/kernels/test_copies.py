"""The kernels that copy, pick, repeat and sum up, on any number of threads."""

import numpy as np
import pytest

from netdef.kernels import reduction
from netdef.kernels.arg_max import arg_max
from netdef.kernels.rows import add_rows, gather_rows
from netdef.kernels.tile import tile_backward, tile_forward
from netdef.kernels.views import read_view, write_view
from tests.support.threads import assert_same_bits

ROWS, DIM = 6, 150


@pytest.fixture
def rows(rng):
    return rng.normal(size=(ROWS, DIM)).astype(np.float32)


def test_rows(rows):
    index = np.array([5, 0, 0, 3, 5, 5])
    assert_same_bits(gather_rows, rows, index, np.empty_like(rows))
    assert_same_bits(add_rows, rows, index, np.ones_like(rows))


def test_views(rows):
    shape, strides = np.array([DIM, ROWS]), np.array([1, DIM])
    assert_same_bits(read_view, rows.reshape(-1), 0, shape, strides, np.empty(rows.size, np.float32))
    assert_same_bits(write_view, rows.reshape(-1), 0, shape, strides, np.empty(rows.size, np.float32))


def test_tile(rows):
    assert_same_bits(tile_forward, rows, np.empty((ROWS, 3, DIM), np.float32))
    assert_same_bits(tile_backward, rows.reshape(2, 3, DIM), np.empty((2, DIM), np.float32))


def test_arg_max(rows):
    place, value = np.empty((ROWS, 2, 10), np.float32), np.empty((ROWS, 2, 10), np.float32)
    assert_same_bits(arg_max, rows.reshape(ROWS, 15, 10), place, value)


@pytest.mark.parametrize("operation", [reduction.SUM, reduction.ASUM, reduction.SUMSQ])
def test_reduction(rng, operation):
    bottom = rng.normal(size=(2, reduction.CHUNK + 100)).astype(np.float32)
    partial = np.empty((2, reduction.num_chunks(bottom.shape[1])))
    half = np.float32(0.5)
    assert_same_bits(reduction.reduce_forward, bottom, operation, half, partial, np.empty(2, np.float32))
    diff = np.array([2, 3], np.float32)
    assert_same_bits(reduction.reduce_backward, bottom, diff, operation, half, np.empty_like(bottom))
