import colorsys

import numpy as np

from netdef.data.distortion import distort
from netdef.random import Stream
from prototxt import schema
from tests.support.databases import pictures

IMAGE = pictures(1)[0]


def distorted(**fields):
    return distort(IMAGE, schema.DistortionParameter(**fields), Stream(5))


def hsv(image):
    return np.array([colorsys.rgb_to_hsv(*pixel) for pixel in image[::-1].reshape(3, -1).T / 255])


def test_nothing_asked_for_changes_nothing():
    assert (distorted() == IMAGE).all()


def test_brightness_and_contrast():
    change = distorted(brightness_prob=1, brightness_delta=20).astype(int) - IMAGE
    inside = (IMAGE > 20) & (IMAGE < 235)
    assert len(np.unique(change[inside])) == 1
    np.testing.assert_array_equal(
        distorted(contrast_prob=1, contrast_lower=0.5, contrast_upper=0.5), np.rint(IMAGE * 0.5)
    )


def test_saturation_and_hue():
    halved = distorted(saturation_prob=1, saturation_lower=0.5, saturation_upper=0.5)
    np.testing.assert_allclose(hsv(halved)[:, 1], hsv(IMAGE)[:, 1] / 2, atol=0.02)
    turned = hsv(distorted(hue_prob=1, hue_delta=36))
    shift = (turned[:, 0] - hsv(IMAGE)[:, 0] + 0.5) % 1 - 0.5
    np.testing.assert_allclose(turned[:, 2], hsv(IMAGE)[:, 2], atol=1e-6)
    assert 0.002 < abs(np.median(shift)) <= 0.2
    assert np.median(abs(shift - np.median(shift))) < 0.01


def test_order():
    assert sorted(map(bytes, distorted(random_order_prob=1))) == sorted(map(bytes, IMAGE))
