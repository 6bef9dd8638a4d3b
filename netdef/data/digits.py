"""Sets of handwritten digits, and a small one that is there without a network.

Source: E. Alpaydin, C. Kaynak, "Optical Recognition of Handwritten Digits" (1998), as scikit-learn carries it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PIL import Image

from netdef.errors import DataError

IMAGE_SIZE, BOX_SIZE = 28, 20  # pixels: MNIST fits each digit into a box and centres it by mass
TEST_COUNT = 400
COPIES = 6  # of each training image: itself and variations
SEED = 1701


@dataclass(frozen=True)
class Digits:
    """Images of handwritten digits, white on black.

    ``train_images`` uint8 ``(N, 28, 28)``, ``train_labels`` uint8 ``(N,)`` 0 to 9, and the same for the test;
    ``is_mnist``; ``origin``, a sentence that says what they are and where they come from.
    """

    train_images: np.ndarray
    train_labels: np.ndarray
    test_images: np.ndarray
    test_labels: np.ndarray
    is_mnist: bool
    origin: str


def small_digits() -> Digits:
    """1,797 real digits of 8x8 pixels, drawn at MNIST's size in MNIST's manner.

    Always the same split: 400 images to test with, 1,397 to train with. Each of these comes with
    5 variations (turned, sheared, shifted a little), for they are few. Raises DataError without scikit-learn.
    """
    try:
        from sklearn.datasets import load_digits
    except ImportError as error:
        raise DataError(
            "MNIST was not found and scikit-learn, whose digits would stand in for it, is not installed. "
            "Set MNIST_DIR to a folder with MNIST, or install scikit-learn."
        ) from error
    small = load_digits()
    random = np.random.Generator(np.random.PCG64(SEED))
    order = random.permutation(len(small.images))
    images = small.images[order].astype(np.float32) * np.float32(255 / 16)
    labels = small.target[order].astype(np.uint8)
    test_images = np.stack([render(image) for image in images[:TEST_COUNT]])
    train_images, train_labels = _varied(images[TEST_COUNT:], labels[TEST_COUNT:], random)
    origin = (
        f"not MNIST but the {len(images)} handwritten digits that scikit-learn carries, drawn at 28x28: "
        f"{len(images) - TEST_COUNT} to train with (and {COPIES - 1} variations of each), {TEST_COUNT} to test with."
    )
    return Digits(train_images, train_labels, test_images, labels[:TEST_COUNT], False, origin)


def _varied(images: np.ndarray, labels: np.ndarray, random: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Each image and its variations, shuffled."""
    drawn = [render(image) for image in images]
    for _ in range(COPIES - 1):
        drawn += [render(image, random) for image in images]
    order = random.permutation(len(drawn))
    return np.stack(drawn)[order], np.tile(labels, COPIES)[order]


def render(image: np.ndarray, random: np.random.Generator | None = None) -> np.ndarray:
    """A digit, float32 ``(H, W)`` from 0 to 255, as MNIST would show it: uint8 ``(28, 28)``.

    Its bounding box is enlarged to 20 pixels on the longer side and laid down with its centre of mass in the
    middle. With ``random`` it is turned, sheared and shifted a little.
    """
    rows, columns = np.flatnonzero(image.any(axis=1)), np.flatnonzero(image.any(axis=0))
    if not len(rows):
        return np.zeros((IMAGE_SIZE, IMAGE_SIZE), np.uint8)
    box = image[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    scale = BOX_SIZE / max(box.shape)
    size = [max(1, round(length * scale)) for length in box.shape]
    large = np.asarray(Image.fromarray(box).resize((size[1], size[0]), Image.Resampling.BICUBIC))
    row, column = (np.average(np.indices(size)[axis], weights=np.maximum(large, 0.001)) for axis in (0, 1))
    middle = (IMAGE_SIZE - 1) / 2
    turn = np.eye(2)
    if random is not None:
        angle, shear, stretch = random.normal(0, (0.12, 0.12, 0.06))
        turn = np.array([[np.cos(angle), -np.sin(angle) + shear], [np.sin(angle), np.cos(angle)]]) * (1 + stretch)
        row, column = (row, column) + random.uniform(-1, 1, 2)
    offset = np.array([column, row]) - turn @ np.array([middle, middle])
    # half a pixel: Pillow maps pixel centres, which lie at .5
    offset += 0.5 - turn @ np.array([0.5, 0.5])
    coefficients = (*turn[0], offset[0], *turn[1], offset[1])
    canvas = Image.fromarray(large).transform(
        (IMAGE_SIZE, IMAGE_SIZE), Image.Transform.AFFINE, coefficients, Image.Resampling.BILINEAR
    )
    return np.clip(np.rint(np.asarray(canvas)), 0, 255).astype(np.uint8)
