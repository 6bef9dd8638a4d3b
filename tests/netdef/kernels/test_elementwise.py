"""Elementwise kernels on any number of threads."""

import numpy as np
import pytest

from netdef.kernels import elementwise as kernels
from tests.support.threads import assert_same_bits


@pytest.mark.parametrize(
    "kernel, inputs, numbers",
    [
        (kernels.bnll_forward, 1, 0),
        (kernels.bnll_backward, 2, 0),
        (kernels.elu_forward, 1, 1),
        (kernels.elu_backward, 3, 1),
        (kernels.clip_backward, 2, 2),
        (kernels.exp_forward, 1, 2),
        (kernels.relu6_forward, 1, 1),
        (kernels.swish_backward, 3, 1),
    ],
)
def test_same_bits_on_any_number_of_threads(rng, kernel, inputs, numbers):
    arrays = [rng.normal(size=1013).astype(np.float32) for _ in range(inputs)]
    assert_same_bits(kernel, *arrays, *[np.float32(0.5)] * numbers, np.empty(1013, np.float32))
