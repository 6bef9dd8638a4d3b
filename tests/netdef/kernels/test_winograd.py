"""Winograd's convolution against the naive twin and finite differences; its maps against their matrices."""

import numpy as np
import pytest

from netdef.kernels import _winograd_tiles as maps
from netdef.kernels._jit import kernel
from netdef.kernels._winograd_tiles import VECTOR_BYTES
from netdef.kernels.winograd_plan import WinogradPlan
from tests.naive.convolution import convolution, convolution_backward
from tests.support.gradients import check_gradients
from tests.support.nets import run_layer


@pytest.fixture
def always(monkeypatch):
    """Small convolutions too."""
    for name, value in {"FEWEST_CHANNELS": 1, "FEWEST_TILES": 1, "MOST_WASTE": 1e9}.items():
        monkeypatch.setattr(f"netdef.kernels.winograd_plan.{name}", value)


@kernel
def tile_values(*arguments):
    maps.tile_values(*arguments)


@kernel
def filter_values(*arguments):
    maps.filter_values(*arguments)


@kernel
def gradient_values(*arguments):
    maps.gradient_values(*arguments)


@kernel
def tile_sums(*arguments):
    maps.tile_sums(*arguments)


@kernel
def filter_sums(*arguments):
    maps.filter_sums(*arguments)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(
    "function, matrix", [(tile_values, maps.TILE), (filter_values, maps.FILTER), (gradient_values, maps.SUMS.T)]
)
def test_values(rng, function, matrix, dtype):
    lanes = VECTOR_BYTES // np.dtype(dtype).itemsize
    source = rng.normal(size=1000).astype(dtype)
    results = np.zeros((2, 1500), dtype)
    for run, result in zip((function, maps._plain_to_values(matrix)), results):
        run(source, 5, 7 * lanes, result, 3, 2 * lanes)
    np.testing.assert_allclose(*results, atol=1e-4)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("rows, columns", [(4, 4), (9, 2), (1, 3), (3, 9), (0, 4)])
@pytest.mark.parametrize("function, matrix", [(tile_sums, maps.SUMS), (filter_sums, maps.FILTER.T)])
def test_sums(rng, function, matrix, rows, columns, dtype):
    lanes = VECTOR_BYTES // np.dtype(dtype).itemsize
    source = rng.normal(size=2000).astype(dtype)
    results = np.zeros((2, 1000), dtype)
    for run, result in zip((function, maps._plain_to_sums(matrix)), results):
        run(source, 5, 2 * lanes, source, 70, result, 3, 7 * lanes, rows, columns)
    np.testing.assert_allclose(*results, atol=1e-4)


CASES = [  # shape of the bottom, num_output, pad
    ((2, 20, 9, 14), 17, (1, 1)),
    ((3, 16, 6, 5), 33, (0, 2)),
    ((1, 37, 11, 4), 16, (2, 0)),
    ((1, 3, 7, 18), 5, (1, 1)),
]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("case", CASES)
def test_naive_twin(rng, always, monkeypatch, case, bias, dtype):
    shape, num_output, pad = case
    monkeypatch.setattr("netdef.kernels.winograd_plan.PASS_BYTES", 1)
    bottom = rng.normal(size=shape).astype(dtype)
    weight, term = rng.normal(size=(num_output, shape[1], 3, 3)).astype(dtype), rng.normal(size=num_output)
    text = (
        f'type: "Convolution" convolution_param {{ num_output: {num_output} kernel_size: 3 pad_h: {pad[0]} '
        f"pad_w: {pad[1]} bias_term: {str(bias).lower()} }}"
    )
    run = run_layer(text, [bottom], dtype=dtype, params=[weight, term.astype(dtype)][: 1 + bias])
    assert isinstance(run.layer.plan, WinogradPlan)
    top = convolution(bottom, weight, term if bias else None, (1, 1), pad, (1, 1))
    top_diff = rng.normal(size=top.shape).astype(dtype)
    run.backward([top_diff])
    wanted = convolution_backward(bottom, weight, top_diff, (1, 1), pad, (1, 1))
    share = 2e-5 if dtype == np.float32 else 1e-13
    for got, expected in zip([run.top[0].data, run.bottom[0].diff, run.layer.blobs[0].diff], [top, *wanted]):
        np.testing.assert_allclose(got, expected, rtol=0, atol=share * np.abs(expected).max())


def test_gradients(rng, always):
    text = 'type: "Convolution" convolution_param { num_output: 2 kernel_size: 3 pad: 1 }'
    check_gradients(text, [rng.normal(size=(2, 3, 5, 4))])


def test_the_gradient_of_the_weights_is_added(rng, always):
    text = 'type: "Convolution" convolution_param { num_output: 2 kernel_size: 3 pad: 1 bias_term: false }'
    run = run_layer(text, [rng.normal(size=(2, 3, 6, 5))])
    top_diff = rng.normal(size=run.top[0].shape)
    once = run.backward([top_diff]).layer.blobs[0].diff.copy()
    run.layer.backward(run.top, [False], run.bottom)
    np.testing.assert_allclose(run.layer.blobs[0].diff, 2 * once, rtol=1e-5)


def test_where_it_pays():
    window = (3, 3, 1, 1, 1, 1, 1, 1)
    fits = WinogradPlan.fits
    assert fits((1, 1, 64, 56, 56, 64), window, (56, 56))
    assert not fits((1, 2, 64, 56, 56, 64), window, (56, 56))  # groups
    assert not fits((1, 1, 3, 56, 56, 64), window, (56, 56))  # few channels
    assert not fits((1, 1, 256, 14, 14, 256), window, (14, 14))  # few tiles
    assert not fits((16, 1, 64, 5, 5, 64), window, (5, 5))  # 64 outputs computed for 25
    assert not fits((1, 1, 64, 56, 56, 64), (3, 3, 2, 2, 1, 1, 1, 1), (28, 28))
    assert not fits((1, 1, 64, 56, 56, 64), (3, 3, 1, 1, 2, 2, 2, 2), (56, 56))
    assert not fits((1, 1, 64, 56, 56, 64), (3, 3, 1, 1, 3, 3, 1, 1), (60, 60))
