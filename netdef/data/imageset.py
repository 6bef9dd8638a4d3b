"""Image files as the records of a database, byte for byte as Caffe's convert_imageset makes them.

Source: Caffe tools/convert_imageset.cpp, src/caffe/util/io.cpp:98-164, 219-245.
"""

from __future__ import annotations

import io
import os
from dataclasses import dataclass

import numpy as np
from PIL import Image

from netdef.data.image import read_pixels
from netdef.errors import DataError, UsageError
from prototxt import schema

_FORMATS = {"jpg": "JPEG", "jpeg": "JPEG", "png": "PNG", "bmp": "BMP", "tif": "TIFF", "tiff": "TIFF", "webp": "WEBP"}


def record_key(index: int, name: str) -> str:
    """``00000012_cat/tabby.jpg``"""
    return f"{index:08d}_{name}"


@dataclass(frozen=True)
class ImageRecords:
    """Makes records of image files.

    ``color`` or gray; ``height`` and ``width`` to resize to, 0 to leave as it is. ``encode_type`` ("png", "jpg", …)
    stores an image file instead of pixels: the file itself where it has that type and is not resized. ``encoded``
    alone takes the type from each file's name.
    """

    color: bool = True
    height: int = 0
    width: int = 0
    encoded: bool = False
    encode_type: str = ""

    def record(self, path: str, label: int) -> bytes:
        """The serialised Datum of one file. Raises: DataError where it cannot be read or encoded."""
        kind = self.encode_type.lower()
        if self.encoded and not kind:
            kind = os.path.splitext(path)[1][1:].lower()
        pixels = read_pixels(path, self.color, self.height, self.width)
        if not kind:
            return _plain(pixels, label)
        resized = self.height and self.width
        data = _file(path) if not resized and _same_type(path, kind) else _encode(pixels, kind, path)
        return schema.Datum(data=data, label=label, encoded=True).SerializeToString()


def _plain(pixels: np.ndarray, label: int) -> bytes:
    channels, height, width = pixels.shape
    datum = schema.Datum(channels=channels, height=height, width=width, label=label, encoded=False)
    datum.data = pixels.tobytes()
    return datum.SerializeToString()


def _same_type(path: str, kind: str) -> bool:
    ending = os.path.splitext(path)[1][1:].lower()
    return ending == kind or (kind == "jpg" and ending == "jpeg")


def _file(path: str) -> bytes:
    with open(path, "rb") as file:
        return file.read()


def _encode(pixels: np.ndarray, kind: str, path: str) -> bytes:
    if kind not in _FORMATS:
        raise UsageError(
            f'image "{path}" cannot be encoded as "{kind}"; expected one of {", ".join(_FORMATS)}. Give --encode_type.'
        )
    planes = pixels[::-1].transpose(1, 2, 0) if len(pixels) == 3 else pixels[0]
    buffer = io.BytesIO()
    options = {"quality": 95} if _FORMATS[kind] == "JPEG" else {}
    Image.fromarray(np.ascontiguousarray(planes)).save(buffer, _FORMATS[kind], **options)
    return buffer.getvalue()


class SizeCheck:
    """Refuses records whose number of bytes differs from the first one's."""

    def __init__(self) -> None:
        self.size: int | None = None

    def check(self, record: bytes, name: str) -> None:
        """Raises: DataError."""
        size = len(schema.Datum.FromString(record).data)
        self.size = size if self.size is None else self.size
        if size != self.size:
            raise DataError(
                f'image "{name}" has {size} bytes; the first one has {self.size}, and --check_size asks that all '
                "agree. Give --resize_height and --resize_width."
            )
