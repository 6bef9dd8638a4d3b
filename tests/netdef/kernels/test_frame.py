"""Framing kernels against their twin, and what they draw."""

from math import radians

import numpy as np
import pytest

from netdef.kernels import frame as kernels
from netdef.kernels.transform import IMAGE_HEIGHT, IMAGE_WIDTH, PLACEMENT_COUNT, START
from netdef.random import Stream
from tests.naive.frame import frame

LIMITS = np.array([radians(25), 2.5, 0.3, 0.4])


def placed(images):
    num, channels, height, width = images.shape
    placements = np.zeros((num, PLACEMENT_COUNT), np.int64)
    placements[:, START] = np.arange(num) * channels * height * width
    placements[:, IMAGE_HEIGHT], placements[:, IMAGE_WIDTH] = height, width
    return placements


@pytest.mark.parametrize("kind", [np.uint8, np.float32])
@pytest.mark.parametrize("pad", [0, 2])
def test_pad_images(rng, pad, kind):
    images = rng.integers(0, 256, (3, 2, 5, 4)).astype(kind)
    canvas = np.full((3, 2, 5 + 2 * pad, 4 + 2 * pad), np.nan, np.float32)
    kernels.pad_images(images.reshape(-1), placed(images), pad, 7.5, canvas)
    assert np.array_equal(canvas, [frame(image, pad, 7.5) for image in images])


@pytest.mark.parametrize("pad", [0, 2])
def test_maps_and_images_equal_their_twin(rng, pad):
    images = rng.integers(0, 256, (4, 2, 9, 6)).astype(np.uint8)
    placements, maps = placed(images), np.empty((4, kernels.MAP_COUNT))
    stream = Stream(3, 2**64 - 9)
    kernels.draw_maps(np.uint64(stream.key), np.uint64(stream.counter), 8, LIMITS, placements, pad, maps)
    canvas = np.empty((4, 2, 9 + 2 * pad, 6 + 2 * pad), np.float32)
    kernels.map_images(images.reshape(-1), placements, pad, 30.0, maps, canvas)
    for image, got in zip(images, canvas):
        angle, down, right, tall, wide, slant = (2 * stream.uniform() - 1 for _ in range(kernels.AFFINE_DRAWS))
        stream.take(2)
        numbers = (angle * LIMITS[0], down * 2.5, right * 2.5, 1 + 0.3 * tall, 1 + 0.3 * wide, 0.4 * slant)
        np.testing.assert_allclose(got, frame(image, pad, 30.0, numbers), atol=1e-3)


def test_a_map_without_limits_leaves_the_image(rng):
    images = rng.integers(0, 256, (2, 1, 6, 7)).astype(np.uint8)
    placements, maps = placed(images), np.empty((2, kernels.MAP_COUNT))
    kernels.draw_maps(np.uint64(1), np.uint64(0), 6, np.zeros(4), placements, 1, maps)
    canvas = np.empty((2, 1, 8, 9), np.float32)
    kernels.map_images(images.reshape(-1), placements, 1, 9.0, maps, canvas)
    assert np.array_equal(canvas, [frame(image, 1, 9.0) for image in images])
