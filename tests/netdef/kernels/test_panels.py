"""Convolution of one image by panels: when, the naive twin, what is finished, threads."""

import numba
import numpy as np
import pytest

from netdef.kernels import _panel_rows
from netdef.kernels._emitter import TILE_VECTORS, VECTOR_BYTES
from netdef.kernels._jit import kernel
from netdef.kernels.finish import read_finish
from netdef.kernels.panels import PanelPlan
from netdef.kernels.plans import ConvolutionPlan
from tests.naive.convolution import convolution
from tests.naive.finish import finish as finished

CASES = {
    # (channels, height, width, num_output), (kernel, stride, pad, dilation) of rows and of columns
    "1x1": ((130, 5, 7, 67), ((1, 1), (1, 1), (0, 0), (1, 1))),
    "one pixel": ((137, 1, 1, 66), ((1, 1), (1, 1), (0, 0), (1, 1))),
    "as many pixels as lanes": ((128, 4, 8, 64), ((1, 1), (1, 1), (0, 0), (1, 1))),
    "more cuts": ((600, 3, 7, 65), ((1, 1), (1, 1), (0, 0), (1, 1))),
    "1x1 with stride": ((129, 9, 7, 68), ((1, 1), (2, 3), (0, 0), (1, 1))),
    "3x3": ((20, 7, 6, 70), ((3, 3), (1, 1), (1, 1), (1, 1))),
    "3x3, more cuts": ((61, 3, 5, 64), ((3, 3), (1, 1), (1, 1), (1, 1))),
    "3x3 with stride": ((23, 9, 8, 64), ((3, 3), (2, 2), (1, 0), (1, 1))),
    "another window": ((21, 8, 9, 64), ((2, 4), (1, 2), (0, 2), (2, 1))),
    "more pixels than filters": ((128, 13, 31, 64), ((1, 1), (1, 1), (0, 0), (1, 1))),
}


@kernel
def lay_rows(*arguments):
    _panel_rows.lay_rows(*arguments)


def scratch(arrays, dtype):
    return lambda key, shape, kind=dtype: arrays.setdefault((key, shape), np.full(shape, 7, kind))


def planned(case, dtype):
    (channels, height, width, num_output), (kernel_shape, stride, pad, dilation) = CASES[case]
    pooled = tuple(
        (size + 2 * p - d * (k - 1) - 1) // s + 1
        for size, k, s, p, d in zip((height, width), kernel_shape, stride, pad, dilation)
    )
    sizes, window = (1, 1, channels, height, width, num_output), (*kernel_shape, *stride, *pad, *dilation)
    return ConvolutionPlan(sizes, window, pooled, np.dtype(dtype), scratch({}, dtype)), pooled


def drawn(rng, case, dtype):
    (channels, height, width, num_output), (kernel_shape, *_) = CASES[case]
    shapes = (1, channels, height, width), (num_output, channels, *kernel_shape), (num_output,)
    return [rng.normal(size=shape).astype(dtype) for shape in shapes]


@pytest.mark.parametrize("dtype, tolerance", [(np.float32, 2e-4), (np.float64, 1e-11)])
@pytest.mark.parametrize("case", ["1x1", "one pixel", "3x3 with stride", "another window"])
def test_naive_twin(rng, case, dtype, tolerance):
    bottom, weight, bias = drawn(rng, case, dtype)
    plan, pooled = planned(case, dtype)
    assert plan.panels
    top = np.full((1, len(weight), *pooled), 7, dtype)
    plan.forward(bottom.reshape(-1), weight.reshape(-1), bias, top.reshape(-1))
    np.testing.assert_allclose(top, convolution(bottom, weight, bias, *CASES[case][1][1:]), atol=tolerance)


@pytest.mark.parametrize("dtype, tolerance", [(np.float32, 2e-4), (np.float64, 1e-11)])
@pytest.mark.parametrize("biased", [False, True])
@pytest.mark.parametrize("case", CASES)
def test_it_equals_the_plan_without_panels_and_threads_do_not_show(rng, monkeypatch, case, biased, dtype, tolerance):
    monkeypatch.setattr("netdef.kernels.plans.PARALLEL_FROM", 1)
    bottom, weight, bias = (array.reshape(-1) for array in drawn(rng, case, dtype))
    (plan, pooled), (plain, _) = planned(case, dtype), planned(case, dtype)
    plain.panels = None
    tops = np.full((4, CASES[case][0][3] * pooled[0] * pooled[1]), 7, dtype)
    plain.forward(bottom, weight, bias if biased else None, tops[0])
    for top, threads in zip(tops[1:], (1, 2, numba.config.NUMBA_NUM_THREADS)):
        numba.set_num_threads(min(threads, numba.config.NUMBA_NUM_THREADS))
        plan.forward(bottom, weight, bias if biased else None, top)
    np.testing.assert_allclose(tops[1], tops[0], atol=tolerance)
    assert np.array_equal(tops[1], tops[2]) and np.array_equal(tops[1], tops[3])


@pytest.mark.parametrize("case", ["1x1", "one pixel", "3x3", "more pixels than filters"])
def test_what_is_finished(rng, case):
    bottom, weight, bias = (array.reshape(-1) for array in drawn(rng, case, np.float32))
    plan, pooled = planned(case, np.float32)
    channels = CASES[case][0][3]
    vectors = [rng.uniform(0.3, 2, channels).astype(np.float32) for _ in range(4)]
    five, one = np.empty((5, channels), np.float32), np.full((1, channels), 0.25, np.float32)
    read_finish(*vectors, np.float32(0.25), five)
    tops = np.full((3, 1, channels, *pooled), 7, np.float32)
    for top, finish in zip(tops, (None, five, one)):
        plan.forward(bottom, weight, bias, top.reshape(-1), finish)
    np.testing.assert_allclose(tops[1], finished(tops[0], *vectors, 0.25), rtol=2e-6, atol=2e-6)
    np.testing.assert_array_equal(tops[2], np.where(tops[0] > 0, tops[0], tops[0] * np.float32(0.25)))


@pytest.mark.parametrize(
    "changes", [{"num": 2}, {"group": 2}, {"num_output": 63}, {"channels": 90}, {"pooled": (33, 32)}]
)
def test_others_are_not_computed_so(changes):
    fields = {"num": 1, "group": 1, "channels": 128, "num_output": 64, "pooled": (8, 8), **changes}
    sizes = (fields["num"], fields["group"], fields["channels"], 8, 8, fields["num_output"])
    geometry = (1, 1, 1, 1, 0, 0, 1, 1, *fields["pooled"])
    assert not PanelPlan.suits(sizes, geometry)
    assert PanelPlan.suits((1, 1, 128, 8, 8, 64), (*geometry[:8], 8, 8))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_rows_are_laid_side_by_side(rng, dtype):
    lanes = VECTOR_BYTES // np.dtype(dtype).itemsize
    source, steps = rng.normal(size=900).astype(dtype), rng.integers(0, 700, 9)
    for columns in {1, lanes - 1, lanes, lanes + 3, TILE_VECTORS * lanes - 1, TILE_VECTORS * lanes}:
        for count in (0, 1, 6):
            results = np.full((2, 1000), 7, dtype)
            for run, result in zip((lay_rows, _panel_rows._plain_lay_rows), results):
                run(source, 5, steps, 2, count, columns, result, 3)
            assert np.array_equal(*results)
