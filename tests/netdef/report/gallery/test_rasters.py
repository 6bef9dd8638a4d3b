"""Arrays as pictures."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from netdef.report.gallery.rasters import heat, mixed, photo, signed, stretched


def pixels(png: bytes) -> np.ndarray:
    with Image.open(io.BytesIO(png)) as image:
        return np.asarray(image)


def test_photos():
    image = np.zeros((3, 2, 4), np.uint8)
    image[0, 1, 2], image[2, 0, 3] = 200, 100  # blue, red
    found = pixels(photo(image))
    assert found.shape == (2, 4, 3)
    assert (found[1, 2].tolist(), found[0, 3].tolist()) == ([0, 0, 200], [100, 0, 0])
    assert pixels(photo(np.array([[[0.5, -0.5, 0.0]]]))).tolist() == [[255, 0, 128]]
    assert pixels(photo(np.full((1, 1, 2), 7, np.uint8))).tolist() == [[7, 7]]


def test_stretched():
    assert stretched(np.array([-1.0, 1.0, 0.0])).tolist() == [0, 1, 0.5]
    assert stretched(np.array([3.0, 3.0])).tolist() == [0, 0]
    assert stretched(np.array([np.nan, np.inf, 2.0])).tolist() == [0, 0, 1]


def test_heat_grows_lighter():
    lightness = pixels(heat(np.linspace(0, 1, 11)[None])).astype(int).sum(axis=2)[0]
    assert np.all(np.diff(lightness) > 0)
    assert pixels(heat(np.array([[-1.0, 2.0]]))).tolist() == pixels(heat(np.array([[0.0, 1.0]]))).tolist()


def test_signed_is_white_at_0():
    ((negative, zero, positive, beyond),) = pixels(signed(np.array([[-2.0, 0.0, 2.0, 9.0]]), 2.0)).astype(int)
    assert zero.tolist() == [250, 250, 250]
    assert negative[2] > negative[0] and positive[0] > positive[2]
    assert beyond.tolist() == positive.tolist()
    assert pixels(signed(np.zeros((1, 1)), 0.0)).tolist() == [[[250, 250, 250]]]


@pytest.mark.parametrize(("share", "colour"), [(0, "#000000"), (0.5, "#804000"), (1, "#ff8000"), (7, "#ff8000")])
def test_mixed(share, colour):
    assert mixed("#000000", "#ff8000", share) == colour
