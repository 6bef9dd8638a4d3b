"""The frame that a transform_param draws around an image, and the affine map that it sees it through. netdef's own."""

from __future__ import annotations

from math import isfinite, radians

import numpy as np
from numpy.typing import DTypeLike

from netdef.errors import LayerError
from netdef.kernels.frame import AFFINE_DRAWS, MAP_COUNT, draw_maps, map_images, pad_images
from netdef.kernels.transform import IMAGE_HEIGHT, IMAGE_WIDTH, START
from netdef.random import Stream
from prototxt import schema

FIELDS = ("pad", "pad_value", "affine_param")
_MOST = {"rotation": 180.0, "shift": 1e6, "scaling": 1.0, "shear": 1e6}


def refuse_frame(transform_param: schema.TransformationParameter, layer_type: str) -> None:
    """LayerError where ``transform_param`` has fields of this module, which a ``layer_type`` layer does not know."""
    for name in FIELDS:
        if transform_param.HasField(name):
            raise LayerError(
                f"{name} is not known to {layer_type}. Take it away, or use Data, ImageData or HDF5Data.",
                f"transform_param.{name}",
            )


class Frame:
    """Pads images and, in TRAIN, distorts them at random.

    Parameters
    ----------
    transform_param : TransformationParameter
        pad (pixels on each side), pad_value (gray level of what is added and of what a distorted image leaves
        free), affine_param (the most that an image is turned, moved, stretched and slanted; TRAIN only).
    phase : int
        ``schema.TRAIN`` or ``schema.TEST``.
    dtype : numpy dtype
        Of the framed images.

    ``draws`` is how many random numbers an image takes; ``active`` whether there is anything to do.

    Raises LayerError for a pad_value or a limit that is no such number.
    """

    def __init__(
        self, transform_param: schema.TransformationParameter, phase: int, dtype: DTypeLike = np.float32
    ) -> None:
        self.pad = int(transform_param.pad)
        self.value = float(transform_param.pad_value)
        if not isfinite(self.value):
            raise LayerError(f"pad_value is {self.value:g}; expected a gray level.", "transform_param.pad_value")
        self.dtype = np.dtype(dtype)
        limits = [_limit(transform_param.affine_param, name) for name in _MOST]
        self.limits = np.array([radians(limits[0]), *limits[1:]])
        self.distorts = phase == schema.TRAIN and bool(self.limits.any())
        self.draws = AFFINE_DRAWS if self.distorts else 0
        self.active = self.pad > 0 or self.distorts
        self._flat = np.zeros(0, self.dtype)

    def shape(self, shape: tuple[int, int, int]) -> tuple[int, int, int]:
        """The ``(C, H, W)`` that an image of ``shape`` becomes."""
        return (shape[0], shape[1] + 2 * self.pad, shape[2] + 2 * self.pad)

    def frame(
        self,
        source: np.ndarray,
        placements: np.ndarray,
        channels: int,
        stream: Stream | None,
        counter: int,
        stride: int,
    ) -> np.ndarray:
        """The framed images, flat; ``placements`` then tells where they lie. All images have one size.

        Image ``n`` draws from ``counter + n * stride`` of ``stream`` on. Valid until the next call.
        """
        num = len(placements)
        _, height, width = self.shape((channels, *(int(size) for size in placements[0, [IMAGE_HEIGHT, IMAGE_WIDTH]])))
        count = num * channels * height * width
        if self._flat.size < count:
            self._flat = np.empty(count, self.dtype)
        flat = self._flat[:count]
        canvas = flat.reshape(num, channels, height, width)
        if self.distorts:
            maps = np.empty((num, MAP_COUNT))
            key, first = np.uint64(stream.key), np.uint64(counter)
            draw_maps(key, first, stride, self.limits, placements, self.pad, maps)
            map_images(source, placements, self.pad, self.value, maps, canvas)
        else:
            pad_images(source, placements, self.pad, self.value, canvas)
        placements[:, START] = np.arange(num) * (channels * height * width)
        placements[:, IMAGE_HEIGHT], placements[:, IMAGE_WIDTH] = height, width
        framed = flat.view()
        framed.flags.writeable = False  # one kernel signature for all sources: records are read-only
        return framed


def _limit(fields: schema.AffineParameter, name: str) -> float:
    """The field ``name`` of an AffineParameter; LayerError where it is no such limit."""
    value, most = float(getattr(fields, name)), _MOST[name]
    if not 0 <= value <= most or (name == "scaling" and value == most):
        wanted = "from 0 to less than 1" if name == "scaling" else f"from 0 to {most:g}"
        raise LayerError(
            f"{name} is {value:g}; it must be {wanted}. Correct it.", f"transform_param.affine_param.{name}"
        )
    return value
