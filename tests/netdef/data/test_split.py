"""What is done to a training set before it is written."""

from __future__ import annotations

import numpy as np
import pytest

from netdef.data.split import held_back, padded, shuffled, split
from netdef.errors import DataError


@pytest.mark.parametrize(
    ("wanted", "count", "kept"),
    [(1, 3, 1), (2, 3, 2), (5000, 60000, 5000), (0.2, 60000, 12000), (0.2, 7, 2), (0.3, 10, 3), (0.1, 60000, 6000)],
)
def test_a_number_or_a_share_is_kept_back(wanted, count, kept):
    assert held_back(wanted, count) == kept


@pytest.mark.parametrize(("wanted", "kept"), [(3, 3), (8, 8)])
def test_some_must_stay_to_train_with(wanted, kept):
    with pytest.raises(DataError) as caught:
        held_back(wanted, 3)
    assert str(caught.value) == (
        f"{wanted} of 3 training images are to be kept back for validation, that is {kept}; expected at least 1 and "
        "at most 2. Change --validation."
    )


def test_the_last_ones_are_kept_back():
    images, labels = np.arange(30).reshape(5, 2, 3), np.array([4, 0, 3, 1, 2])
    train_images, train_labels, val_images, val_labels = split(images, labels, 2)
    assert np.array_equal(np.concatenate([train_images, val_images]), images)
    assert (list(train_labels), list(val_labels)) == ([4, 0, 3], [1, 2])
    assert len(val_images) == 2


def test_images_and_labels_are_shuffled_together():
    images, labels = np.arange(50 * 6).reshape(50, 2, 3), np.arange(50)
    first, again, other = (shuffled(images, labels, seed) for seed in (3, 3, 4))
    assert sorted(first[1]) == list(labels) != list(first[1])
    assert np.array_equal(first[0], images[first[1]])
    assert np.array_equal(first[1], again[1])
    assert not np.array_equal(first[1], other[1])


def test_the_border_is_black():
    image = np.array([[[1, 2, 3], [4, 5, 6]]], np.uint8)
    assert np.array_equal(
        padded(image, 1), np.array([[[0, 0, 0, 0, 0], [0, 1, 2, 3, 0], [0, 4, 5, 6, 0], [0, 0, 0, 0, 0]]], np.uint8)
    )
    assert padded(image, 1).dtype == np.uint8
