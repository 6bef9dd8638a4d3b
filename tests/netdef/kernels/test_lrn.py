"""LRN kernels on any number of threads, over more than one block of columns, and the shortcuts for the power."""

import numpy as np
import pytest

from netdef.kernels import lrn
from tests.support.threads import assert_same_bits

NUMBERS = dict(half=1, coefficient=np.float32(0.4), shift=np.float32(1), beta=np.float32(0.75))


def test_across(rng):
    shape = (3, 4, lrn.BLOCK + 5)
    bottom_data, top_diff = rng.normal(size=(2, *shape)).astype(np.float32)
    scale, top_data = np.empty((2, *shape), np.float32)
    lrn.lrn_across_forward.serial(bottom_data, *NUMBERS.values(), scale, top_data)
    assert_same_bits(lrn.lrn_across_forward, bottom_data, *NUMBERS.values(), scale, top_data)
    ratio = np.zeros((2, 5, lrn.BLOCK), np.float32)
    arrays = (bottom_data, top_data, top_diff, scale)
    results = (ratio, np.empty_like(bottom_data))
    assert_same_bits(lrn.lrn_across_backward, *arrays, 1, np.float32(0.6), np.float32(0.75), *results)


def test_within(rng):
    shape = (6, 4, 5)
    bottom_data, top_diff = rng.normal(size=(2, *shape)).astype(np.float32)
    scale, top_data = np.empty((2, *shape), np.float32)
    lrn.lrn_within_forward.serial(bottom_data, *NUMBERS.values(), scale, top_data)
    assert_same_bits(lrn.lrn_within_forward, bottom_data, *NUMBERS.values(), scale, top_data)
    results = (np.zeros((4, 5, 5), np.float32), np.empty_like(bottom_data))
    arrays = (bottom_data, top_data, top_diff, scale)
    assert_same_bits(lrn.lrn_within_backward, *arrays, 1, np.float32(0.6), np.float32(0.75), *results)


@pytest.mark.parametrize("beta", [0.75, 0.5, 0.6, 0.0])
def test_inverse_power(rng, beta):
    scale = rng.uniform(1, 100, 37)
    power = np.empty_like(scale)
    lrn.inverse_power(scale, beta, power)
    assert np.allclose(power, scale**-beta, rtol=1e-14)
