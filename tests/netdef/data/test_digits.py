import sys

import numpy as np
import pytest

from netdef.data.digits import render, small_digits
from netdef.errors import DataError


@pytest.fixture(scope="module")
def digits():
    pytest.importorskip("sklearn")
    return small_digits()


def centre(image):
    return [np.average(np.indices(image.shape)[axis], weights=image) for axis in (0, 1)]


def test_sizes_and_a_plain_word(digits):
    assert digits.train_images.shape == (8382, 28, 28) and digits.train_images.dtype == np.uint8
    assert digits.test_images.shape == (400, 28, 28)
    assert digits.train_labels.shape == (8382,) and digits.test_labels.shape == (400,)
    assert np.bincount(digits.test_labels).min() > 20
    assert not digits.is_mnist
    assert digits.origin == (
        "not MNIST but the 1797 handwritten digits that scikit-learn carries, drawn at 28x28: "
        "1397 to train with (and 5 variations of each), 400 to test with."
    )


def test_they_are_the_same_every_time(digits):
    again = small_digits()
    assert np.array_equal(again.train_images, digits.train_images)
    assert np.array_equal(again.test_labels, digits.test_labels)


def test_they_look_like_mnist(digits):
    """White on black, in a box of 20 pixels, centred by mass."""
    for image in digits.test_images:
        assert np.allclose(centre(image), 13.5, atol=1)
        assert image[[0, -1]].max() == 0 and image[:, [0, -1]].max() == 0
        rows, columns = np.flatnonzero((image > 30).any(axis=1)), np.flatnonzero((image > 30).any(axis=0))
        assert 17 <= max(np.ptp(rows), np.ptp(columns)) + 1 <= 22
    assert 25 < digits.test_images.mean() < 50


def test_render_fits_a_flat_digit_into_the_box_and_keeps_an_empty_one():
    flat = np.zeros((8, 8), np.float32)
    flat[3, 1:7] = 255
    image = render(flat)
    columns = np.flatnonzero((image > 30).any(axis=0))
    assert 19 <= np.ptp(columns) + 1 <= 21
    assert np.allclose(centre(image), 13.5, atol=0.5)
    assert render(np.zeros((8, 8), np.float32)).max() == 0


def test_without_scikit_learn(monkeypatch):
    monkeypatch.setitem(sys.modules, "sklearn.datasets", None)
    with pytest.raises(DataError) as caught:
        small_digits()
    assert caught.value.message == (
        "MNIST was not found and scikit-learn, whose digits would stand in for it, is not installed. "
        "Set MNIST_DIR to a folder with MNIST, or install scikit-learn."
    )
