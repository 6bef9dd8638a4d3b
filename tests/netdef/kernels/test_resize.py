import numpy as np
import pytest

from netdef.data.image import resize_pixels
from tests.naive import resize as naive


@pytest.mark.parametrize("size", [(5, 9), (14, 10), (3, 2), (20, 31), (1, 1), (14, 5), (7, 20)])
def test_naive_twin(rng, size):
    pixels = rng.integers(0, 256, (3, 14, 10), np.uint8)
    resized = resize_pixels(pixels, *size)
    assert resized.dtype == np.uint8 and resized.shape == (3, *size)
    assert np.abs(resized - naive.resize(pixels.astype(float), *size)).max() <= 1


def test_half_the_size_is_the_rounded_mean_of_four(rng):
    pixels = np.array([[[1, 2, 250, 255], [3, 5, 254, 255]]], np.uint8)
    assert resize_pixels(pixels, 1, 2).tolist() == [[[3, 254]]]


def test_the_same_size_changes_nothing(rng):
    pixels = rng.integers(0, 256, (1, 4, 3), np.uint8)
    assert resize_pixels(pixels, 4, 3) is pixels
