"""Mean images: binaryproto files, as ``compute_image_mean`` writes and ``mean_file`` names them.

Source: Caffe tools/compute_image_mean.cpp:83-101, src/caffe/blob.cpp (FromProto).
"""

from __future__ import annotations

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
