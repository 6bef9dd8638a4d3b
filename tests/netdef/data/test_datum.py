import io

import numpy as np
import pytest
from PIL import Image

from netdef.data.datum import decode_datum, encode_datum, encode_image_datum
from netdef.errors import DataError
from prototxt import schema
from tests.support.databases import pictures


def encoded(pixels):
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


def test_bytes_and_floats_survive():
    image = pictures(1)[0]
    decoded, label = decode_datum(encode_datum(image, 9))
    assert label == 9 and decoded.dtype == np.uint8 and np.array_equal(decoded, image)
    decoded, label = decode_datum(memoryview(encode_datum(image / np.float32(7), -3)))
    assert label == -3 and decoded.dtype == np.float32 and np.array_equal(decoded, image / np.float32(7))


def test_bytes_are_those_that_caffe_writes():
    image = np.arange(6, dtype=np.uint8).reshape(1, 2, 3)
    assert encode_datum(image, 5) == b"\x08\x01\x10\x02\x18\x03\x22\x06\x00\x01\x02\x03\x04\x05\x28\x05"
    assert encode_image_datum(b"PNG", 4) == b"\x22\x03PNG\x28\x04\x38\x01"


def test_encoded_images_keep_their_channels_unless_forced():
    rgb = pictures(1)[0].transpose(1, 2, 0)
    rgba = np.dstack([rgb, rgb[..., :1]])
    gray = rgb[..., 0]

    def shape(pixels, **force):
        return decode_datum(encode_image_datum(encoded(np.ascontiguousarray(pixels))), **force)[0].shape

    assert shape(rgb) == (3, 7, 5)
    assert shape(rgba) == (4, 7, 5)
    assert shape(gray) == (1, 7, 5)
    assert shape(gray, force_color=True) == (3, 7, 5)
    assert shape(rgb, force_gray=True) == (1, 7, 5)
    assert shape(gray > 9) == (1, 7, 5)


def test_colour_is_blue_first():
    rgb = pictures(1)[0].transpose(1, 2, 0)
    image, label = decode_datum(encode_image_datum(encoded(np.ascontiguousarray(rgb)), 2))
    assert label == 2
    assert np.array_equal(image, rgb[..., ::-1].transpose(2, 0, 1))


def test_sixteen_bits_need_force():
    deep = np.arange(35, dtype=np.uint16).reshape(7, 5) * 257
    record = encode_image_datum(encoded(deep))
    assert np.array_equal(decode_datum(record, force_gray=True)[0][0], np.arange(35).reshape(7, 5))
    with pytest.raises(DataError) as caught:
        decode_datum(record)
    assert caught.value.message.replace("mode I)", "mode I;16)") == (  # Pillow before 10.3 calls it I
        "has pixels of more than 8 bits (mode I;16); expected 8 bits a channel. "
        "Convert the images to 8 bits, or set force_color or force_gray in transform_param."
    )


ANEW = " Make the database anew from its images."


@pytest.mark.parametrize(
    "record, message",
    [
        (b"\xff", "holds 1 bytes that are not a Datum message." + ANEW),
        (
            schema.Datum(channels=1, height=2, width=3, data=b"12345").SerializeToString(),
            "holds 5 bytes of data; channels 1 * height 2 * width 3 = 6 were expected." + ANEW,
        ),
        (
            schema.Datum(channels=1, height=2, width=3, float_data=[1] * 7).SerializeToString(),
            "holds 7 floats of float_data; channels 1 * height 2 * width 3 = 6 were expected." + ANEW,
        ),
        (b"", "is a Datum with channels 0, height 0, width 0; all three must be at least 1." + ANEW),
        (
            encode_image_datum(b"no image"),
            "is an encoded Datum whose image is not an image in a format known here. Convert it to PNG.",
        ),
        (
            encode_image_datum(encoded(np.zeros((50, 60), np.uint8))[:50]),
            "is an encoded Datum whose image is damaged or cut off. Make or copy it again.",
        ),
    ],
)
def test_bad_records(record, message):
    with pytest.raises(DataError) as caught:
        decode_datum(record)
    assert caught.value.message == message
