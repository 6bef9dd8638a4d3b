"""What happens to an image between the database and the net: pad, distort, crop, mirror, mean, scale.

Source: Caffe src/caffe/data_transformer.cpp.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import DTypeLike

from netdef.data.frame import Frame
from netdef.data.mean import read_mean
from netdef.errors import DataError, LayerError
from netdef.kernels.transform import (
    CROP_COLUMN,
    CROP_ROW,
    IMAGE_HEIGHT,
    IMAGE_WIDTH,
    PLACEMENT_COUNT,
    draw_placements,
    transform_images,
)
from netdef.random import Stream
from prototxt import schema

_PLACEMENT_DRAWS = 3  # an image
SSD_FIELDS = ("resize_param", "emit_constraint", "crop_h", "crop_w", "distort_param", "expand_param")


class DataTransformer:
    """Applies a ``transform_param`` to images.

    Formula: ``top = (pixel - mean) * scale``, on a crop of ``crop_size`` pixels, mirrored or not.

    Parameters
    ----------
    transform_param : TransformationParameter
        scale (a factor); mirror (left and right exchanged with probability 1/2, in both phases); crop_size
        (pixels; the crop lies anywhere in TRAIN, in the centre in TEST); mean_file (a binaryproto of the
        uncropped images' shape) or mean_value (one, or one for each channel). netdef's own pad, pad_value and
        affine_param come before all of these (`netdef.data.frame`): the mean image is one of padded images.
        force_color and force_gray concern encoded images alone (`netdef.data.datum`).
    phase : int
        ``schema.TRAIN`` or ``schema.TEST``.
    stream : Stream or None
        Where crops and mirrors are drawn from: 3 draws an image where either is random, else none; and 6 more
        where images are distorted.
    dtype : numpy dtype
        In which the formula is computed.

    Raises
    ------
    LayerError
        For fields that contradict each other or do not fit the images.

    Differs from Caffe: the random numbers are others; batch and single images draw alike.
    """

    def __init__(
        self,
        transform_param: schema.TransformationParameter,
        phase: int,
        stream: Stream | None,
        dtype: DTypeLike = np.float32,
    ) -> None:
        for name in SSD_FIELDS:
            if transform_param.HasField(name):
                raise LayerError(
                    f"has {name}, which only AnnotatedData knows. Take it away.", f"transform_param.{name}"
                )
        self.param = transform_param
        self.dtype = np.dtype(dtype)
        self.stream = stream
        self.scale = float(np.float32(transform_param.scale))
        self.crop_size = int(transform_param.crop_size)
        self.random_crop = phase == schema.TRAIN and self.crop_size > 0
        self.frame = Frame(transform_param, phase, dtype)
        self.random = transform_param.mirror or self.random_crop
        self._draws = (_PLACEMENT_DRAWS if self.random else 0) + self.frame.draws
        self._mean_values = list(transform_param.mean_value)
        self._mean_image = self._read_mean_image()
        self._means: dict[int, np.ndarray] = {}
        self._placements = np.zeros((0, PLACEMENT_COUNT), np.int64)
        if transform_param.force_color and transform_param.force_gray:
            raise LayerError(
                "force_color and force_gray are both set; an image can have 3 channels or 1. Take one of them away.",
                "transform_param.force_gray",
            )

    def _read_mean_image(self) -> np.ndarray | None:
        if not self.param.HasField("mean_file"):
            return None
        if self._mean_values:
            raise LayerError(
                "mean_file and mean_value are both given; expected one of them. Take one away.",
                "transform_param.mean_value",
            )
        try:
            return read_mean(self.param.mean_file).astype(self.dtype)
        except DataError as error:
            error.field = "transform_param.mean_file"
            raise

    # -- shapes --------------------------------------------------------------------------------------------

    def output_shape(self, shape: tuple[int, int, int]) -> tuple[int, int, int]:
        """The ``(C, H, W)`` that an image of ``shape`` (C, H, W) becomes; LayerError where it does not fit."""
        channels, height, width = shape = self.frame.shape(shape)
        crop = self.crop_size
        if height < crop or width < crop:
            raise LayerError(
                f"crop_size is {crop} but the images are {height} high and {width} wide; "
                "a crop must lie inside the image. Lower crop_size or use larger images.",
                "transform_param.crop_size",
            )
        if self._mean_image is not None and self._mean_image.shape != tuple(shape):
            raise LayerError(
                f'mean_file "{self.param.mean_file}" has shape {self._mean_image.shape}; the images have shape '
                f"{shape}, before any crop, and the mean must have the same. Compute it from these images.",
                "transform_param.mean_file",
            )
        if len(self._mean_values) not in (0, 1, channels):
            images, wanted = ("1 channel", "1") if channels == 1 else (f"{channels} channels", f"1 or {channels}")
            raise LayerError(
                f"has {len(self._mean_values)} mean_value for images of {images}; expected {wanted}. "
                "Give one for all channels or one for each.",
                "transform_param.mean_value",
            )
        return (channels, crop, crop) if crop else (channels, height, width)

    def image_size(self, height: int, width: int) -> tuple[int, int]:
        """The size, ``(height, width)``, that images should have for the mean image to fit them; before padding."""
        height, width = (height, width) if self._mean_image is None else self._mean_image.shape[1:]
        return max(height - 2 * self.frame.pad, 1), max(width - 2 * self.frame.pad, 1)

    @property
    def resizes(self) -> bool:
        """Whether images change their size."""
        return self.crop_size > 0 or self.frame.pad > 0

    def _mean(self, channels: int) -> np.ndarray:
        """``(C, H, W)`` of the mean image, or ``(C, 1, 1)``."""
        if self._mean_image is not None:
            return self._mean_image
        mean = self._means.get(channels)
        if mean is None:
            mean = np.empty((channels, 1, 1), self.dtype)
            mean[:, 0, 0] = self._mean_values or 0.0
            self._means[channels] = mean
        return mean

    # -- the work ------------------------------------------------------------------------------------------

    def transform(self, images: Sequence[np.ndarray], top: np.ndarray) -> None:
        """Transform ``images``, each uint8 or float32 ``(C, H, W)``, into ``top``, ``(len(images), C, h, w)``.

        Raises LayerError or DataError where an image does not become ``top``'s shape.
        """
        for number, image in enumerate(images):
            shape = self.output_shape(image.shape)
            if shape != top.shape[1:]:
                raise DataError(
                    f"image {number} of the batch becomes {shape} (channels, height, width); "
                    f"{top.shape[1:]} was expected, as for the first. Give all images one size, or set crop_size."
                )
            flat = np.ascontiguousarray(image).reshape(-1)
            flat.flags.writeable = False  # one kernel signature for all sources: records are read-only
            placements = self.placements(1)
            placements[0, IMAGE_HEIGHT:CROP_ROW] = image.shape[1:]
            self.transform_flat(flat, placements, top[number : number + 1])

    def placements(self, count: int) -> np.ndarray:
        """A zeroed table of ``count`` placements (columns: `netdef.kernels.transform`); valid until the next call."""
        if len(self._placements) < count:
            self._placements = np.zeros((count, PLACEMENT_COUNT), np.int64)
        placements = self._placements[:count]
        placements[...] = 0
        return placements

    def transform_flat(self, source: np.ndarray, placements: np.ndarray, top: np.ndarray) -> None:
        """Transform images that lie in one flat array.

        The caller fills START, IMAGE_HEIGHT and IMAGE_WIDTH of ``placements``, one size for all images, and has
        checked them with `output_shape`; the crop and the mirror are decided here.
        """
        crop_height, crop_width = top.shape[2:]
        counter = self.stream.take(self._draws * len(placements)) if self._draws else 0
        if self.frame.active:
            first = counter + (_PLACEMENT_DRAWS if self.random else 0)
            source = self.frame.frame(source, placements, top.shape[1], self.stream, first, self._draws)
        if self.crop_size and not self.random_crop:
            placements[:, CROP_ROW] = (placements[:, IMAGE_HEIGHT] - crop_height) // 2
            placements[:, CROP_COLUMN] = (placements[:, IMAGE_WIDTH] - crop_width) // 2
        if self.random:
            size = (crop_height, crop_width) if self.random_crop else (0, 0)
            key, mirror = np.uint64(self.stream.key), self.param.mirror
            draw_placements(key, np.uint64(counter), self._draws, mirror, *size, placements)
        transform_images(source, placements, self._mean(top.shape[1]), self.scale, top)
