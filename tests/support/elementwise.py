"""Holds a layer that works value by value against the function and the slope that its twin gives."""

from __future__ import annotations

import numpy as np

from tests.naive.elementwise import each
from tests.support.nets import run_layer

SHAPE = (2, 3, 4, 5)


def values(low=-3.0, high=3.0, shape=SHAPE) -> np.ndarray:
    return np.random.default_rng(1701).uniform(low, high, shape)


def layer_text(kind: str, fields: str = "", top: str = "t") -> str:
    return f'layer {{ name: "L" type: "{kind}" bottom: "b" top: "{top}" {fields} }}'


def check_elementwise(kind: str, fields: str, twin, bottom: np.ndarray, in_place: bool = True) -> None:
    """Both dtypes, beside the bottom and in place, serial and parallel kernels, with and without propagate_down."""
    function, slope = twin
    large = np.resize(bottom, (7, 10000))
    for dtype, tolerance in ((np.float32, 2e-5), (np.float64, 1e-12)):
        for array, top in ((bottom, "t"), (large, "t"), *([(bottom, "b")] if in_place else [])):
            array = array.astype(dtype)
            run = run_layer(layer_text(kind, fields, top), [array], dtype=dtype)
            assert run.top[0].shape == array.shape
            np.testing.assert_allclose(run.top[0].data, _each(function, array), tolerance, tolerance)
            diff = np.random.default_rng(2).normal(size=array.shape)
            if slope is None:
                continue
            run.backward([diff])
            np.testing.assert_allclose(run.bottom[0].diff, diff * _each(slope, array), tolerance, tolerance)
            if top == "t":
                np.testing.assert_array_equal(run.bottom[0].data, array)
                np.testing.assert_array_equal(run.top[0].diff, diff.astype(dtype))
                run.bottom[0].diff[...] = 7
                run.layer.backward(run.top, [False], run.bottom)
                assert (run.bottom[0].diff == 7).all()


def _each(function, array: np.ndarray) -> np.ndarray:
    """`each`, of the first values alone where the array repeats itself."""
    period = min(array.size, np.prod(SHAPE))
    return np.resize(each(function, array.reshape(-1)[:period]), array.shape)
