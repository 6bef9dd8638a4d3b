"""Rows under taps in vector registers, held against the same in plain Python."""

import numpy as np
import pytest

from netdef.kernels import _tap_rows
from netdef.kernels._jit import kernel
from netdef.kernels._tap_rows import VECTOR_BYTES
from netdef.kernels.depthwise import owing_taps


@kernel
def tap_row(*arguments):
    _tap_rows.tap_row(*arguments)


@kernel
def tap_sums(*arguments):
    _tap_rows.tap_sums(*arguments)


CASES = [  # rows, width, shift, taps, tap step, stride, count
    (3, 19, -1, 3, 1, 1, 19),
    (2, 40, -1, 3, 1, 2, 20),
    (3, 37, -2, 3, 2, 3, 12),
    (2, 17, 3, 2, -1, 1, 21),
    (1, 23, -2, 5, 1, 2, 11),
    (0, 23, 0, 4, 1, 1, 5),
    (2, 9, 0, 0, 1, 4, 2),
]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("case", CASES)
def test_tap_row(case, dtype):
    rng = np.random.default_rng(3)
    source, weight = rng.standard_normal((2, 300)).astype(dtype)
    results = np.zeros((2, 60), dtype)
    rows, width, shift, taps, tap_step, stride, count = case
    step = 2 if rows < 3 else 1
    for run, result in zip((tap_row, _tap_rows._plain_tap_row), results):
        run(source, 7, rows, width + 2, width, shift, taps, tap_step, stride, count, weight, 50, -taps, 2, weight, 9,
            result, 3, step)  # fmt: skip
    np.testing.assert_allclose(results[0], results[1], 1e-5, 1e-5)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("case", CASES)
def test_tap_sums(case, dtype):
    rng = np.random.default_rng(3)
    source, diff = rng.standard_normal((2, 300)).astype(dtype)
    lanes = VECTOR_BYTES // source.itemsize
    results = np.ones((2, 5 * lanes), dtype)
    rows, width, shift, taps, tap_step, stride, count = case
    for run, result in zip((tap_sums, _tap_rows._plain_tap_sums), results):
        run(source, 7, width + 2, diff, 5, count + 1, rows, width, shift, taps, tap_step, stride, count, result, 0)
    np.testing.assert_allclose(results[0], results[1], 1e-4, 1e-4)


def test_owing_taps_by_hand():
    # 5 pixels, pad 1, 3 taps, stride 2, 3 outputs: output o reaches the pixels 2 o - 1, 2 o and 2 o + 1
    assert owing_taps(5, 1, 3, 2, 1, 3, True).tolist() == [[1, 1, 0], [0, 2, 1], [1, 1, 1], [0, 2, 2], [1, 1, 2]]
    assert owing_taps(2, 1, 3, 2, 1, 3, False).tolist() == [[1, 1, 0], [0, 2, 1]]
