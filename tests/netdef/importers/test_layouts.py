"""Channels last to channels first."""

from __future__ import annotations

import numpy as np
import pytest

from netdef.importers.layouts import DEPTHWISE, from_channels_last
from netdef.importers.source import BIAS, WEIGHT


@pytest.mark.parametrize("sizes", [(2,), (2, 3), (2, 3, 4)])
def test_kernels(sizes):
    kernel = np.arange(np.prod(sizes) * 30, dtype=np.float32).reshape(*sizes, 5, 6)
    tensor = from_channels_last("k", kernel, WEIGHT)
    assert tensor.array.shape == (6, 5, *sizes)
    assert tensor.found_shape == (*sizes, 5, 6)
    for place in np.ndindex(*sizes):
        assert np.array_equal(tensor.array[(slice(None), slice(None), *place)], kernel[place].T)
    assert tensor.rows_of == "chw"


def test_depthwise():
    kernel = np.arange(2 * 3 * 4 * 5, dtype=np.float32).reshape(2, 3, 4, 5)
    tensor = from_channels_last("k", kernel, WEIGHT, DEPTHWISE)
    assert tensor.array.shape == (20, 1, 2, 3)
    for channel in range(4):
        for number in range(5):
            assert np.array_equal(tensor.array[channel * 5 + number, 0], kernel[:, :, channel, number])


def test_the_rest():
    assert np.array_equal(from_channels_last("b", np.arange(4), BIAS).array, np.arange(4))
    dense = from_channels_last("d", np.arange(6).reshape(2, 3), WEIGHT)
    assert (dense.array.tolist(), dense.rows_of) == ([[0, 3], [1, 4], [2, 5]], "hwc")
    assert from_channels_last("e", np.ones((2, 3)), "").array.shape == (2, 3)
