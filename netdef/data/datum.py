"""One record of a database: a Datum, in and out of arrays.

A Datum holds an image as plain bytes, as floats, or as an encoded file (PNG, JPEG, …), and a label.
Arrays here are ``(C, H, W)``, colour in blue, green, red order, as Caffe keeps them.
Source: Caffe src/caffe/util/io.cpp:166-240, src/caffe/proto/caffe.proto (Datum).
"""

from __future__ import annotations

import io

import numpy as np
from google.protobuf.message import DecodeError

from netdef.data.image import open_image, to_bytes_image
from netdef.errors import DataError
from prototxt import schema


def decode_datum(
    record: bytes | memoryview, force_color: bool = False, force_gray: bool = False
) -> tuple[np.ndarray, int]:
    """The image and the label of a serialised Datum.

    Returns
    -------
    image : ndarray (C, H, W)
        uint8, or float32 where the record holds ``float_data``.
    label : int

    ``force_color`` and ``force_gray`` turn encoded images into 3 or 1 channels; as in Caffe they leave
    plain pixels alone.

    Raises
    ------
    DataError
        When the bytes are no Datum, or their number is not channels * height * width.
    """
    datum = parse_datum(record)
    if datum.encoded:
        return decode_image(datum.data, force_color, force_gray), datum.label
    shape = (datum.channels, datum.height, datum.width)
    if datum.data or not datum.float_data:
        check_size(shape, len(datum.data), "bytes of data")
        image = np.frombuffer(datum.data, np.uint8)
    else:
        check_size(shape, len(datum.float_data), "floats of float_data")
        image = np.array(datum.float_data, np.float32)
    return image.reshape(shape), datum.label


def parse_datum(record: bytes | memoryview) -> schema.Datum:
    """The message in ``record``; DataError where it is none."""
    datum = schema.Datum()
    try:
        datum.ParseFromString(bytes(record))
    except DecodeError as error:
        raise DataError(
            f"holds {len(record)} bytes that are not a Datum message. Make the database anew from its images."
        ) from error
    return datum


def check_size(shape: tuple[int, int, int], found: int, what: str) -> None:
    """DataError unless ``found`` is channels * height * width and all three are positive."""
    channels, height, width = shape
    if min(shape) <= 0:
        raise DataError(
            f"is a Datum with channels {channels}, height {height}, width {width}; "
            "all three must be at least 1. Make the database anew from its images."
        )
    if found != channels * height * width:
        raise DataError(
            f"holds {found} {what}; channels {channels} * height {height} * width {width} = "
            f"{channels * height * width} were expected. Make the database anew from its images."
        )


def decode_image(encoded: bytes, force_color: bool = False, force_gray: bool = False) -> np.ndarray:
    """An encoded image as uint8 ``(C, H, W)``: its own channels (alpha included) unless forced."""
    with open_image(io.BytesIO(encoded), "is an encoded Datum whose image") as image:
        return to_bytes_image(image, force_color, force_gray)


def encode_datum(image: np.ndarray, label: int = 0) -> bytes:
    """A ``(C, H, W)`` array as a serialised Datum, byte for byte as Caffe's convert_mnist_data writes it.

    uint8 goes into ``data``; other dtypes go into ``float_data`` as float32.
    """
    channels, height, width = image.shape
    datum = schema.Datum(channels=channels, height=height, width=width)
    if image.dtype == np.uint8:
        datum.data = image.tobytes()
    else:
        datum.float_data.extend(image.ravel().tolist())
    datum.label = int(label)
    return datum.SerializeToString()


def encode_image_datum(encoded: bytes, label: int = 0) -> bytes:
    """A Datum that holds an image file as it is, as ``convert_imageset -encoded`` writes it (io.cpp:117-137)."""
    datum = schema.Datum(data=encoded, label=int(label), encoded=True)
    return datum.SerializeToString()
