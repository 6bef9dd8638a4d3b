"""Images in another size, sampled as scikit-image and SciPy do it for pycaffe."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy import ndimage


def resize_image(im: np.ndarray, new_dims: Sequence[int], interp_order: int = 1) -> np.ndarray:
    """An ``(H, W, K)`` image in the size ``new_dims``, (height, width), as float32.

    One and three channels are sampled between pixel centres with black around the image; other numbers between
    corner pixels, as pycaffe does with scikit-image and with SciPy. ``interp_order`` 0 takes the nearest pixel,
    1 is linear, 3 cubic. Shrinking does not smooth, as in scikit-image up to 0.14.
    """
    height, width = int(new_dims[0]), int(new_dims[1])
    if im.shape[-1] not in (1, 3):
        return _between_corners(im, (height, width), interp_order).astype(np.float32)
    least, most = im.min(), im.max()
    if not most > least:
        return np.full((height, width, im.shape[-1]), least, np.float32)
    standard = (im - least) / (most - least)
    resized = _between_centres(standard, (height, width), interp_order)
    return (resized * (most - least) + least).astype(np.float32)


def _between_centres(image: np.ndarray, size: tuple[int, int], order: int) -> np.ndarray:
    """``(H, W, K)`` sampled where the centres of the new pixels lie, with zeros around; values stay in its range.

    Formula: the new pixel ``i`` of ``n`` lies at ``(i + 0.5) H / n - 0.5``.
    Source: scikit-image, ``transform.resize(..., mode="constant", anti_aliasing=False)``.
    """
    image = np.asarray(image, np.float64)
    axes = [(np.arange(new) + 0.5) * old / new - 0.5 for old, new in zip(image.shape, size)]
    grid = np.meshgrid(*axes, indexing="ij")
    planes = [
        ndimage.map_coordinates(image[..., k], grid, order=order, mode="grid-constant", cval=0.0)
        for k in range(image.shape[2])
    ]
    low, high = min(image.min(), 0.0), image.max()
    return np.clip(np.stack(planes, axis=-1), low, high)


def _between_corners(image: np.ndarray, size: tuple[int, int], order: int) -> np.ndarray:
    """``(H, W, K)`` sampled so that corner pixels stay corner pixels. Source: ``scipy.ndimage.zoom``."""
    factors = tuple(new / old for old, new in zip(image.shape, size))
    return ndimage.zoom(image, (*factors, 1), order=order)
