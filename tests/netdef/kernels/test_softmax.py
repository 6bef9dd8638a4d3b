"""Softmax kernels on any number of threads, over more than one block of columns."""

import numpy as np
import pytest

from netdef.kernels.softmax import BLOCK, softmax_backward, softmax_forward
from tests.support.threads import assert_same_bits


@pytest.mark.parametrize("shape", [(7, 5, 1), (2, 3, BLOCK + 9)])
def test_same_bits_on_any_number_of_threads(rng, shape):
    bottom_data, top_diff = rng.normal(size=(2, *shape)).astype(np.float32)
    scale, top_data = np.empty((shape[0], shape[2]), np.float32), np.empty_like(bottom_data)
    softmax_forward.serial(bottom_data, scale, top_data)
    assert np.allclose(top_data.sum(axis=1), 1)
    assert_same_bits(softmax_forward, bottom_data, scale, top_data)
    assert_same_bits(softmax_backward, top_data, top_diff, scale, np.empty_like(top_data))
