"""Mean images: binaryproto files, as ``compute_image_mean`` writes and ``mean_file`` names them.

Source: Caffe tools/compute_image_mean.cpp:83-101, src/caffe/blob.cpp (FromProto).
"""

from __future__ import annotations

import io
from math import prod
from pathlib import Path

import numpy as np
from google.protobuf.message import DecodeError

from netdef.errors import DataError
from netdef.weights.atomic import write_atomically
from prototxt import schema


def read_mean(path: str | Path) -> np.ndarray:
    """The mean image in a binaryproto file, float32 ``(C, H, W)``.

    Raises
    ------
    DataError
        When the file is missing, is not a BlobProto, or its numbers do not fit its shape.
    """
    blob = _parse_blob(Path(path))
    shape = tuple(blob.shape.dim) if blob.HasField("shape") else (blob.num, blob.channels, blob.height, blob.width)
    values = np.array(blob.double_data if blob.double_data else blob.data, np.float32)
    if len(values) != prod(shape) or len(values) == 0:
        raise DataError(
            f'mean file "{path}" holds {len(values)} numbers for shape {shape}, which needs {prod(shape)}. '
            "Make it again with compute_image_mean."
        )
    while len(shape) > 3 and shape[0] == 1:
        shape = shape[1:]
    if len(shape) > 3:
        raise DataError(
            f'mean file "{path}" has shape {shape}; expected one image, (1, channels, height, width). '
            "Make it again with compute_image_mean."
        )
    return values.reshape((1,) * (3 - len(shape)) + shape)


def _parse_blob(path: Path):
    try:
        content = path.read_bytes()
    except OSError as error:
        raise DataError(f'mean file "{path}" cannot be read: {error.strerror}. Correct the path.') from error
    blob = schema.BlobProto()
    try:
        blob.ParseFromString(content)
    except DecodeError as error:
        raise DataError(
            f'mean file "{path}" is not a BlobProto ({len(content)} bytes). '
            "Name a .binaryproto file made by compute_image_mean."
        ) from error
    return blob


def write_mean(path: str | Path, mean: np.ndarray) -> None:
    """Write a ``(C, H, W)`` array as binaryproto, whole or not at all; Caffe's tools read it."""
    channels, height, width = mean.shape
    blob = schema.BlobProto(num=1, channels=channels, height=height, width=width)
    blob.data.extend(mean.astype(np.float32).ravel().tolist())
    write_atomically(path, blob.SerializeToString())


def load_mean(path: str | Path) -> np.ndarray:
    """The array in a ``.npy`` file, or in a binaryproto. Raises: DataError."""
    if str(path).endswith(".npy"):
        return read_array(path)
    return read_mean(path)


def read_array(path: str | Path) -> np.ndarray:
    """The array of numbers in a ``.npy`` file. Raises: DataError."""
    try:
        array = np.load(path, allow_pickle=False)
    except OSError as error:
        raise DataError(f'array "{path}" cannot be read: {error.strerror or error}. Correct the path.') from error
    except (ValueError, EOFError) as error:
        raise DataError(f'array "{path}" is no .npy file of numbers. Save it with numpy.save.') from error
    if not isinstance(array, np.ndarray) or array.dtype.kind not in "fiub":
        raise DataError(f'array "{path}" does not hold one array of numbers. Save it with numpy.save.')
    return array


def save_mean(path: str | Path, mean: np.ndarray) -> None:
    """Write a ``(C, H, W)`` array: as ``.npy`` where the name says so, else as binaryproto."""
    if not str(path).endswith(".npy"):
        write_mean(path, mean)
        return
    save_array(path, mean)


def save_array(path: str | Path, array: np.ndarray) -> None:
    """Write an array as ``.npy``, whole or not at all."""
    buffer = io.BytesIO()
    np.save(buffer, array)
    write_atomically(path, buffer.getvalue())
