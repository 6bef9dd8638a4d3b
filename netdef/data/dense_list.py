"""From a list of pairs of images to batches: what the prefetch thread of a DenseImageData layer does.

Source: SegNet's Caffe src/caffe/layers/dense_image_data_layer.cpp.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import DTypeLike

from netdef.data.image import read_pixels
from netdef.data.image_list import ImageListLoader, read_lines
from netdef.errors import DataError
from netdef.kernels.transform import CROP_ROW, IMAGE_HEIGHT, transform_images


def read_pair_list(path: str | Path) -> list[tuple[str, str]]:
    """Names of images and of their label images, separated by blanks or ends of lines; DataError with the reason."""
    words = " ".join(read_lines(path, "image list")).split()
    if not words:
        raise DataError(f'image list "{path}" is empty; expected a line "image label-image" for each image. Fill it.')
    if len(words) % 2:
        raise DataError(
            f'image list "{path}" has {len(words)} names; expected pairs, an image and its label image. The last is '
            f'"{words[-1]}". Add its label image; names must not hold blanks.'
        )
    return list(zip(words[::2], words[1::2]))


def resize_nearest(pixels: np.ndarray, height: int, width: int) -> np.ndarray:
    """``(C, H, W)`` in another size, each pixel a copy of the one at ``place * old size // new size``."""
    rows = np.arange(height) * pixels.shape[1] // height
    columns = np.arange(width) * pixels.shape[2] // width
    return pixels[:, rows][:, :, columns]


class PairBatch:
    """Images ``(N, C, H, W)`` and label images ``(N, 1, H, W)``. Attributes as of `netdef.data.loader.Batch`."""

    def __init__(self, size: int, dtype: DTypeLike) -> None:
        self.tops = [np.zeros((size, 0, 0, 0), dtype), np.zeros((size, 1, 0, 0), dtype)]
        self.state = b""
        self.restarts = 0

    def reshape(self, shape: tuple[int, int, int]) -> None:
        """Give the images the shape ``(N, *shape)`` and the labels one to fit."""
        size = len(self.tops[0])
        if self.tops[0].shape[1:] != shape:
            self.tops = [
                np.zeros((size, *shape), self.tops[0].dtype),
                np.zeros((size, 1, *shape[1:]), self.tops[0].dtype),
            ]


class PairListLoader(ImageListLoader):
    """Reads pairs of an image and an image of labels, which is cropped and mirrored as its image is."""

    entries: list[tuple[str, str]]

    def shapes(self) -> list[tuple[int, ...]]:
        """Shapes of a batch of images and of label images, as the first pair has them."""
        shape = self.transformer.output_shape(self._read_pair(self.order.current())[0].shape)
        return [(self.batch_size, *shape), (self.batch_size, 1, *shape[1:])]

    def new_batch(self) -> PairBatch:
        return PairBatch(self.batch_size, self.transformer.dtype)

    def fill(self, batch: PairBatch) -> None:
        """Read as many pairs as ``batch`` holds; the first decides its shape."""
        for row in range(self.batch_size):
            item = self.order.next()
            image, label = self._read_pair(item)
            shape = self.transformer.output_shape(image.shape)
            if row == 0:
                batch.reshape(shape)
            self.check_shape(item, shape, batch.tops[0])
            self._transform(image, label, *(top[row : row + 1] for top in batch.tops))
        batch.state = self.state()
        batch.restarts = self.restarts

    def _read_pair(self, item: int) -> tuple[np.ndarray, np.ndarray]:
        """uint8 ``(C, H, W)`` and ``(1, H, W)``."""
        image = self._read(item)
        name = self.root + self.entries[item][1]
        label = read_pixels(name, color=False)
        if self.new_size[0]:
            label = resize_nearest(label, *self.new_size)
        if label.shape[1:] != image.shape[1:]:
            raise DataError(
                f'label image "{name}" is {label.shape[2]} wide and {label.shape[1]} high, but its image '
                f'"{self.root}{self.entries[item][0]}" is {image.shape[2]} wide and {image.shape[1]} high; '
                "they must agree. Correct the list, or set new_height and new_width."
            )
        return image, label

    def _transform(self, image: np.ndarray, label: np.ndarray, top: np.ndarray, label_top: np.ndarray) -> None:
        placements = self.transformer.placements(1)
        placements[0, IMAGE_HEIGHT:CROP_ROW] = image.shape[1:]
        self.transformer.transform_flat(_flat(image), placements, top)
        transform_images(_flat(label), placements, np.zeros((1, 1, 1), top.dtype), 1.0, label_top)


def _flat(pixels: np.ndarray) -> np.ndarray:
    flat = np.ascontiguousarray(pixels).reshape(-1)
    flat.flags.writeable = False  # one kernel signature for all sources: records are read-only
    return flat
