from __future__ import annotations

import numpy as np
import pytest

from netdef import aligned


@pytest.mark.parametrize("make", [aligned.empty, aligned.zeros])
@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int32])
@pytest.mark.parametrize("shape", [5, (2, 3, 4), ()])
def test_first_element_lies_on_a_cache_line(make, dtype, shape):
    made = make(shape, dtype)
    like = np.empty(shape, dtype)
    assert (made.shape, made.dtype) == (like.shape, like.dtype)
    assert made.flags.c_contiguous and made.flags.writeable
    assert made.ctypes.data % aligned.LINE == 0


def test_zeros():
    np.testing.assert_array_equal(aligned.zeros((3, 4), np.float32), np.zeros((3, 4), np.float32))
