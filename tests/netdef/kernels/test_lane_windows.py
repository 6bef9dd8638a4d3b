"""Windows with channels side by side, held against the naive twins, and their vector code against plain Python."""

import numba
import numpy as np
import pytest

from netdef.kernels import _lanes
from netdef.kernels._jit import kernel
from netdef.kernels._lanes import VECTOR_BYTES
from netdef.kernels.lane_tables import backward_axis, forward_axis, window_tables
from netdef.kernels.lane_windows import LaneWindows
from tests.naive.convolution import convolution, convolution_backward


@kernel
def spread_planes(*arguments):
    _lanes.spread_planes(*arguments)


@kernel
def collect_planes(*arguments):
    _lanes.collect_planes(*arguments)


@kernel
def window_row(*arguments):
    _lanes.window_row(*arguments)


@kernel
def window_sums(*arguments):
    _lanes.window_sums(*arguments)


@kernel
def scale_pixels(*arguments):
    _lanes.scale_pixels(*arguments)


def both(dtype, size, function, plain, before, after=()):
    results = np.zeros((2, size), dtype)
    for run, result in zip((function, plain), results):
        run(*before, result, *after)
    return results


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("planes, count", [(16, 32), (5, 19), (1, 3), (4, 0), (16, 49)])
def test_planes_become_vectors_and_planes_again(rng, dtype, planes, count):
    lanes = VECTOR_BYTES // np.dtype(dtype).itemsize
    planes = min(planes, lanes)
    source = rng.normal(size=2000).astype(dtype)
    places = rng.permutation(60) * lanes
    spread, wanted = both(
        dtype, 2000, spread_planes, _lanes._plain_spread_planes, (source, 3, 70, planes, count, places, 2), (5,)
    )
    kept = 5 + (places[2 : 2 + count, None] + np.arange(planes)).reshape(-1)
    assert np.array_equal(spread[kept], wanted[kept])
    spread[kept] = wanted[kept] = 0
    assert not spread[:5].any() and not wanted.any()
    collected = both(dtype, 2000, collect_planes, _lanes._plain_collect_planes, (source, 4, count), (6, 64, planes))
    assert np.array_equal(*collected)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("count, taps", [(7, 9), (15, 2), (3, 13), (0, 3), (8, 0)])
def test_window_row_and_sums(rng, dtype, count, taps):
    lanes = VECTOR_BYTES // np.dtype(dtype).itemsize
    source, diff = rng.normal(size=(2, 4000)).astype(dtype)
    offsets, weights = rng.integers(0, 60, (2, 20)) * lanes
    rows = both(
        dtype, 2000, window_row, _lanes._plain_window_row,
        (source, 3, 2 * lanes, offsets, weights, 1, taps, diff, diff, 9), (6, 3 * lanes, count),
    )  # fmt: skip
    np.testing.assert_allclose(*rows, atol=1e-5)
    sums = both(
        dtype, 2000, window_sums, _lanes._plain_window_sums,
        (source, 3, 11 * lanes, 2 * lanes, offsets, taps, diff, 5, 17 * lanes, 3, count),
    )  # fmt: skip
    np.testing.assert_allclose(*sums, atol=1e-4)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_scale_pixels(rng, dtype):
    lanes = VECTOR_BYTES // np.dtype(dtype).itemsize
    results, factors = np.ones((2, 900), dtype), rng.normal(size=50).astype(dtype)
    for run, result in zip((scale_pixels, _lanes._plain_scale_pixels), results):
        run(result, 3, np.arange(40) * lanes, 5, factors, 20)
    assert np.array_equal(*results) and (results[0] != 1).sum() == 20 * lanes


def test_tables_by_hand():
    # 5 pixels, pad 1, 3 taps, stride 2, 3 outputs: output o meets the pixels 2 o - 1, 2 o and 2 o + 1
    forward = forward_axis(5, 3, 2, 1, 1, 3)
    assert forward == (5, 1, 7, 3, 2, ((0, 0), (0, 2), (0, 4)), (((0, 0), (1, 1), (2, 2)),))
    backward = backward_axis(5, 3, 2, 1, 1, 3)
    assert backward == (
        3, 1, 4, 2, 1, ((1, 0), (0, 1), (1, 1), (0, 2), (1, 2)), (((0, 1), (2, 0)), ((1, 1),)),
    )  # fmt: skip
    tables = window_tables(backward, backward, 4, 4)
    assert tables.sizes == (9, 3, 25, 5, 4, 8)
    assert tables.rows.tolist() == [[0, 1, 0, 1], [16, 0, 0, 2], [16, 1, 0, 2], [32, 0, 1, 3], [32, 1, 1, 3]]
    assert tables.columns.tolist() == [[1, 2, 4], [0, 3, 0]]
    assert (tables.strip_rows, tables.strip_size) == (5, 64)


# num, channels, (size, kernel, stride, pad, dilation) of both axes
CASES = [
    (2, 19, (9, 3, 1, 1, 1), (8, 3, 1, 1, 1)),
    (1, 16, (7, 3, 2, 1, 1), (10, 3, 2, 1, 1)),
    (3, 21, (6, 2, 1, 0, 2), (7, 4, 3, 2, 1)),
    (1, 18, (5, 1, 3, 1, 1), (9, 2, 2, 0, 3)),
]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("case", CASES)
def test_naive_twin(rng, monkeypatch, case, dtype):
    num, channels, *axes = case
    sizes, kernel, stride, pad, dilation = zip(*axes)
    outputs = [(n + 2 * p - d * (k - 1) - 1) // s + 1 for n, k, s, p, d in axes]
    bottom = rng.normal(size=(num, channels, *sizes)).astype(dtype)
    weight, bias = rng.normal(size=(channels, 1, *kernel)).astype(dtype), rng.normal(size=channels).astype(dtype)
    top = convolution(bottom, weight, bias, stride, pad, dilation, channels)
    top_diff = rng.normal(size=top.shape).astype(dtype)
    wanted = convolution_backward(bottom, weight, top_diff, stride, pad, dilation, channels)
    for strip_bytes in (1 << 20, 1):
        monkeypatch.setattr("netdef.kernels.lane_tables.STRIP_BYTES", strip_bytes)
        window_tables.cache_clear()
        windows = LaneWindows(
            num, channels, *((*axis, out) for axis, out in zip(axes, outputs)), dtype,
            lambda _, shape, kind=dtype: np.full(shape, 7, kind),
        )  # fmt: skip
        got, diff, weight_diff = np.empty(top.shape, dtype), np.empty(bottom.shape, dtype), np.ones(weight.shape, dtype)
        windows.run(False, 1, bottom.reshape(-1), weight.reshape(-1), bias, got.reshape(-1))
        windows.run(True, 2, top_diff.reshape(-1), weight.reshape(-1), np.zeros_like(bias), diff.reshape(-1))
        windows.add_weight_gradient(2, bottom.reshape(-1), top_diff.reshape(-1), weight_diff.reshape(-1))
        close = {"atol": 1e-4 if dtype == np.float32 else 1e-12}
        np.testing.assert_allclose(got, top, **close)
        np.testing.assert_allclose(diff, wanted[0], **close)
        np.testing.assert_allclose(weight_diff - 1, wanted[1], **close)
    window_tables.cache_clear()


def test_same_bits_for_any_number_of_slots(rng):
    bottom, top_diff = rng.normal(size=(2, 3, 40, 9, 13)).astype(np.float32)
    weight = rng.normal(size=(40, 3, 3)).astype(np.float32)
    windows = LaneWindows(
        3,
        40,
        (9, 3, 1, 1, 1, 9),
        (13, 3, 1, 1, 1, 13),
        np.float32,
        lambda _, shape, kind=np.float32: np.empty(shape, kind),
    )
    results = []
    for slots in (1, 2, 5, numba.config.NUMBA_NUM_THREADS):
        got, diff, weight_diff = np.empty_like(bottom), np.empty_like(bottom), np.zeros_like(weight)
        windows.run(False, slots, bottom.reshape(-1), weight.reshape(-1), weight[:, 0, 0].copy(), got.reshape(-1))
        windows.run(True, slots, top_diff.reshape(-1), weight.reshape(-1), weight[:, 0, 0].copy(), diff.reshape(-1))
        windows.add_weight_gradient(slots, bottom.reshape(-1), top_diff.reshape(-1), weight_diff.reshape(-1))
        results.append((got, diff, weight_diff))
    for other in results[1:]:
        assert all(map(np.array_equal, results[0], other))
