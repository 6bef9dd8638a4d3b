"""The kernels of PReLU, MVN, Axpy and Normalize on any number of threads."""

import numpy as np
import pytest

from netdef.kernels import mvn, normalize, prelu
from netdef.kernels.axpy import axpy
from tests.support.threads import assert_same_bits

SHAPE = (5, 3, 70)
HALF = np.float32(0.5)


@pytest.fixture
def pair(rng):
    return rng.normal(size=SHAPE).astype(np.float32), rng.normal(size=SHAPE).astype(np.float32)


@pytest.mark.parametrize("size", [1, 3])
def test_prelu(pair, size):
    bottom, diff = (array.reshape(-1) for array in pair)
    slope = np.linspace(0.1, 0.5, size).astype(np.float32)
    assert_same_bits(prelu.prelu_forward, bottom, slope, 70, np.empty_like(bottom))
    assert_same_bits(prelu.prelu_backward, bottom, diff, slope, 70, np.empty_like(bottom))
    assert_same_bits(prelu.prelu_slope, bottom, diff, 5, 70, np.empty(3), np.zeros(size, np.float32))


def test_mvn(pair):
    bottom, diff = (array.reshape(15, 70) for array in pair)
    spread = np.ones(15, np.float32)
    assert_same_bits(mvn.mvn_forward, bottom, HALF, True, spread, np.empty_like(bottom))
    assert_same_bits(mvn.mvn_backward, bottom, diff, spread, True, np.empty_like(bottom))


def test_axpy(pair):
    factor, term = (array.reshape(-1) for array in pair)
    assert_same_bits(axpy, np.arange(15, dtype=np.float32), factor, term, 70, np.empty_like(factor))


@pytest.mark.parametrize("places", [1, 70])
@pytest.mark.parametrize("size", [1, 3])
def test_normalize(pair, size, places):
    bottom, diff = pair
    scale, norm = np.linspace(1, 2, size).astype(np.float32), np.ones((5, places), np.float32)
    if places == 1:
        partial = np.empty(15)
        assert_same_bits(normalize.normalize_items, bottom, scale, HALF, norm, partial, np.empty_like(bottom))
        assert_same_bits(normalize.normalize_items_backward, bottom, diff, scale, norm, partial, np.empty_like(bottom))
    else:
        total = np.empty_like(norm)
        assert_same_bits(normalize.normalize_places, bottom, scale, HALF, norm, np.empty_like(bottom))
        assert_same_bits(normalize.normalize_places_backward, bottom, diff, scale, norm, total, np.empty_like(bottom))
    assert_same_bits(normalize.normalize_scale, bottom, diff, norm, np.empty(3), np.zeros(size, np.float32))
