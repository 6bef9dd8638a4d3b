"""The greatest of a row, in eight parts side by side."""

import numpy as np
import pytest

from netdef.kernels.sums import greatest


@pytest.mark.parametrize("size", [1, 7, 8, 9, 27])
def test_greatest_at_every_place(size):
    for place in range(size):
        values = -np.arange(1, size + 1, dtype=np.float32)
        values[place] = 5
        assert greatest(values) == 5


def test_greatest_passes_over_nan_but_for_the_first():
    assert greatest(np.array([1, np.nan, 3, 2], np.float32)) == 3
    assert np.isnan(greatest(np.array([np.nan, 1, 3], np.float32)))
