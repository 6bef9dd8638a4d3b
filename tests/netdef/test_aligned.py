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


MIDDLING = aligned.LEAST // 4 + 1  # float32


def test_middling_arrays_lie_apart_in_memory_of_zeros():
    arrays = [make(MIDDLING + i, np.float32) for i in range(200) for make in (aligned.empty, aligned.zeros)]
    for number, array in enumerate(arrays):
        assert array.ctypes.data % aligned.LINE == 0 and not array.any()
        array[...] = number + 1
    assert all((array == number + 1).all() for number, array in enumerate(arrays))


def test_a_system_without_huge_pages(monkeypatch):
    def refuse(*arguments, **options):
        raise OSError("no memory to map")

    monkeypatch.setattr(aligned, "_slabs", aligned._Slabs())
    monkeypatch.setattr(aligned.mmap, "mmap", refuse)
    for _ in range(2):
        np.testing.assert_array_equal(aligned.zeros(MIDDLING, np.float32), np.zeros(MIDDLING))


def test_zeros():
    np.testing.assert_array_equal(aligned.zeros((3, 4), np.float32), np.zeros((3, 4), np.float32))
