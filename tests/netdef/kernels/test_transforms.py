"""Transposing and Winograd's matrices against their twins in NumPy and against plain correlation."""

import numpy as np
import pytest

from netdef.kernels import _transforms as transforms
from netdef.kernels._emitter import VECTOR_BYTES
from netdef.kernels._jit import kernel
from netdef.kernels._transforms import (
    POINTS,
    SIZE,
    TAPS,
    add_from_points,
    from_taps,
    to_outputs,
    to_points,
    transpose_rows,
)


@kernel
def turn(rows, stored, columns, source, s0, source_step, target, t0, target_step):
    transpose_rows(rows, stored, columns, source, s0, source_step, target, t0, target_step)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("rows, columns", [(1, 1), (3, 40), (16, 16), (23, 5), (32, 17)])
def test_transpose_rows(rng, dtype, rows, columns):
    source = rng.normal(size=rows * 50 + 60).astype(dtype)
    lanes = VECTOR_BYTES // source.itemsize
    for stored in (rows, -(-rows // lanes) * lanes):
        target = rng.normal(size=columns * 70 + 80).astype(dtype)
        wanted = target.copy()
        turn(rows, stored, columns, source, 3, 50, target, 5, 70)
        for j in range(columns):
            wanted[5 + j * 70 : 5 + j * 70 + stored] = 0
            for i in range(rows):
                wanted[5 + j * 70 + i] = source[3 + i * 50 + j]
        np.testing.assert_array_equal(target, wanted)


@kernel
def correlate(taps, inputs, start, points, target):
    square = inputs.size // 36
    from_taps(taps, 0, TAPS * square, square, start * 0, points, 0, 6 * square, square)
    to_points(inputs, 0, 6 * square, square, start * 0, target, 0, 6 * square, square)
    for i in range(inputs.size):
        points[i] *= target[i]
    to_outputs(points, 0, 6 * square, square, start, target, 0, SIZE * square, square)


@pytest.mark.parametrize("dtype, close", [(np.float32, 1e-4), (np.float64, 1e-13)])
def test_points_multiply_to_a_correlation(rng, dtype, close):
    lanes = VECTOR_BYTES // np.dtype(dtype).itemsize
    filters = rng.normal(size=(TAPS, TAPS, lanes)).astype(dtype)
    inputs = rng.normal(size=(POINTS, POINTS, lanes)).astype(dtype)
    target = np.zeros(inputs.size, dtype)
    correlate(filters.reshape(-1), inputs.reshape(-1), dtype(7), np.zeros(inputs.size, dtype), target)
    wanted = np.full((SIZE, SIZE, lanes), 7.0)
    for y in range(SIZE):
        for x in range(SIZE):
            wanted[y, x] += (inputs[y : y + TAPS, x : x + TAPS].astype(float) * filters).sum((0, 1))
    np.testing.assert_allclose(target[: wanted.size].reshape(wanted.shape), wanted, atol=close)


@kernel
def fold(points, start, pixels):
    square = points.size // 36
    add_from_points(points, 0, 6 * square, square, start, pixels, 0, 6 * square, square)


def test_add_from_points_is_the_transpose_of_to_points(rng):
    lanes = VECTOR_BYTES // 8
    points, pixels = rng.normal(size=(2, POINTS, POINTS, lanes))
    matrix = transforms._inputs()
    wanted = pixels + np.einsum("ki,lj,klv->ijv", matrix, matrix, points)
    flat = pixels.reshape(-1).copy()
    fold(points.reshape(-1), 0.0, flat)
    np.testing.assert_allclose(flat.reshape(pixels.shape), wanted, atol=1e-12)
