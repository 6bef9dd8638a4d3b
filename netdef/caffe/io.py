"""``caffe.io``: images and messages as arrays, and their preparation for a net.

Images here are ``(H, W, K)`` in red, green, blue order with values 0 to 1, as scikit-image gives them to pycaffe.
Source: Caffe python/caffe/io.py.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from netdef.caffe.proto import caffe_pb2
from netdef.caffe.resampling import resize_image
from netdef.caffe.transformer import Transformer
from netdef.data.image import check_file, open_image
from netdef.errors import DataError
from netdef.weights.blobs import blob_message

__all__ = [
    "Transformer",
    "array_to_blobproto",
    "array_to_datum",
    "arraylist_to_blobprotovector_str",
    "blobproto_to_array",
    "blobprotovector_str_to_arraylist",
    "caffe_pb2",
    "datum_to_array",
    "load_image",
    "oversample",
    "resize_image",
]

LUMINANCE = np.array([0.2125, 0.7154, 0.0721])  # ITU-R BT.709, the weights of scikit-image


# -- messages --------------------------------------------------------------------------------------------------


def blobproto_to_array(blob: caffe_pb2.BlobProto, return_diff: bool = False) -> np.ndarray:
    """The ``data`` of a BlobProto, or its ``diff``, in the shape that it names; float64.

    Raises: ValueError where the number of values is not the product of the shape.
    """
    if return_diff:
        values = np.array(blob.diff or blob.double_diff)
    else:
        values = np.array(blob.data or blob.double_data)
    legacy = ("num", "channels", "height", "width")
    if any(blob.HasField(name) for name in legacy):
        return values.reshape([getattr(blob, name) for name in legacy])
    return values.reshape(tuple(blob.shape.dim))


def array_to_blobproto(arr: np.ndarray, diff: np.ndarray | None = None) -> caffe_pb2.BlobProto:
    """A BlobProto of any shape with the values of ``arr`` as floats, and of ``diff``."""
    blob = blob_message(np.asarray(arr, np.float32), None if diff is None else np.asarray(diff, np.float32))
    if not blob.HasField("shape"):
        blob.shape.SetInParent()
    return blob


def arraylist_to_blobprotovector_str(arraylist: Iterable[np.ndarray]) -> bytes:
    """Arrays as the bytes of a BlobProtoVector."""
    vector = caffe_pb2.BlobProtoVector()
    vector.blobs.extend(array_to_blobproto(array) for array in arraylist)
    return vector.SerializeToString()


def blobprotovector_str_to_arraylist(str: bytes) -> list[np.ndarray]:  # noqa: A002  (pycaffe's name)
    """The arrays in the bytes of a BlobProtoVector."""
    vector = caffe_pb2.BlobProtoVector.FromString(str)
    return [blobproto_to_array(blob) for blob in vector.blobs]


def array_to_datum(arr: np.ndarray, label: int | None = None) -> caffe_pb2.Datum:
    """A Datum with a ``(C, H, W)`` array: uint8 as bytes, other dtypes as floats.

    Raises: ValueError for another number of axes.
    """
    if arr.ndim != 3:
        raise ValueError(f"Incorrect array shape: found {arr.shape}, expected (channels, height, width).")
    datum = caffe_pb2.Datum(channels=arr.shape[0], height=arr.shape[1], width=arr.shape[2])
    if arr.dtype == np.uint8:
        datum.data = arr.tobytes()
    else:
        datum.float_data.extend(arr.astype(float).ravel().tolist())
    if label is not None:
        datum.label = int(label)
    return datum


def datum_to_array(datum: caffe_pb2.Datum) -> np.ndarray:
    """The ``(C, H, W)`` array of a Datum that is not encoded: uint8, or float64 where it holds floats."""
    shape = (datum.channels, datum.height, datum.width)
    if datum.data:
        return np.frombuffer(datum.data, np.uint8).reshape(shape).copy()
    return np.array(datum.float_data, float).reshape(shape)


# -- images ----------------------------------------------------------------------------------------------------


def load_image(filename: str | os.PathLike[str], color: bool = True) -> np.ndarray:
    """An image file as float32 with values 0 to 1: ``(H, W, 3)``, red first, or ``(H, W, 1)`` without ``color``.

    Raises: DataError where it is no image; one that is an OSError too, as pycaffe's is, where there is no file.
    """
    pixels = _pixels(filename)
    if pixels.ndim == 3 and pixels.shape[2] == 4:
        pixels = pixels[:, :, :3]
    if pixels.ndim == 3 and not color:
        pixels = pixels @ LUMINANCE
    pixels = pixels.astype(np.float32)
    if pixels.ndim == 3:
        return pixels
    return np.repeat(pixels[:, :, np.newaxis], 3 if color else 1, axis=2)


def _pixels(filename) -> np.ndarray:
    """float64 values 0 to 1, ``(H, W)`` or ``(H, W, 3 or 4)``."""
    try:
        what = check_file(Path(filename))
    except DataError as error:
        raise ImageFileError(error.message) from error
    with open_image(filename, what) as image:
        return _unit_range(image)


def _unit_range(image: Image.Image) -> np.ndarray:
    if image.mode.startswith("I"):
        return np.asarray(image).astype(float) / 65535
    if image.mode == "F":
        return np.asarray(image).astype(float)
    if image.mode == "1":
        return np.asarray(image).astype(float)
    if image.mode in ("LA", "La", "PA", "RGBa") or (image.mode == "P" and "transparency" in image.info):
        image = image.convert("RGBA")
    elif image.mode not in ("L", "RGB", "RGBA"):
        image = image.convert("RGB")
    return np.asarray(image).astype(float) / 255


class ImageFileError(DataError, OSError):
    """An image file that is not there."""


def oversample(images: Sequence[np.ndarray], crop_dims: Sequence[int]) -> np.ndarray:
    """Ten crops of each ``(H, W, K)`` image: four corners and the centre, then the same mirrored.

    ``crop_dims`` is (height, width). Returns float32 ``(10 N, height, width, K)``.
    """
    height, width = images[0].shape[:2]
    crop_height, crop_width = int(crop_dims[0]), int(crop_dims[1])
    corners = [(top, left) for top in (0, height - crop_height) for left in (0, width - crop_width)]
    corners.append((int(height / 2.0 - crop_height / 2.0), int(width / 2.0 - crop_width / 2.0)))
    crops = np.empty((10 * len(images), crop_height, crop_width, images[0].shape[-1]), np.float32)
    for index, image in enumerate(images):
        for number, (top, left) in enumerate(corners):
            crop = image[top : top + crop_height, left : left + crop_width]
            crops[10 * index + number] = crop
            crops[10 * index + 5 + number] = crop[:, ::-1]
    return crops
