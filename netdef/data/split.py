"""A training set in random order, with a border of zeros, and with a part kept back for validation."""

from __future__ import annotations

import numpy as np

from netdef.errors import DataError
from netdef.random import Stream


def held_back(wanted: float, count: int) -> int:
    """How many of ``count`` training images are kept back: ``wanted`` of them, or that share where it is below 1.

    Formula: ``⌊wanted⌋``, or ``count - ⌊(1 - wanted) count⌋``. Raises DataError where no image would stay to train
    with or none to validate with.
    """
    kept = count - int((1 - wanted) * count + 1e-9) if wanted < 1 else int(wanted)
    if not 0 < kept < count:
        raise DataError(
            f"{wanted:g} of {count} training images are to be kept back for validation, that is {kept}; expected at "
            f"least 1 and at most {count - 1}. Change --validation."
        )
    return kept


def shuffled(images: np.ndarray, labels: np.ndarray, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """``images`` and ``labels`` in a random order, the same for the same seed and number of images."""
    # A permutation of NumPy's may differ between releases; the bits of a bit generator are promised to stay.
    order = np.argsort(np.random.Philox(key=Stream(seed).bits()).random_raw(len(images)), kind="stable")
    return images[order], labels[order]


def split(images: np.ndarray, labels: np.ndarray, kept: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Images and labels without the last ``kept``, then these."""
    return images[:-kept], labels[:-kept], images[-kept:], labels[-kept:]


def padded(images: np.ndarray, border: int) -> np.ndarray:
    """Images ``(N, H, W)`` with ``border`` pixels of 0 on every side: ``(N, H + 2 border, W + 2 border)``."""
    return np.pad(images, ((0, 0), (border, border), (border, border)))
