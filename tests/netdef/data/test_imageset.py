"""Records of image files: pixels and encoded files, keys and bytes as Caffe's convert_imageset writes them."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from netdef.data.imageset import ImageRecords, SizeCheck, record_key
from netdef.errors import DataError, UsageError
from prototxt import schema


@pytest.fixture
def picture(tmp_path):
    pixels = np.arange(3 * 4 * 3, dtype=np.uint8).reshape(3, 4, 3) * 7
    Image.fromarray(pixels).save(tmp_path / "picture.png")
    return str(tmp_path / "picture.png"), pixels


def parsed(record):
    return schema.Datum.FromString(record)


def test_keys():
    assert record_key(12, "cat/tabby.jpg") == "00000012_cat/tabby.jpg"


def test_pixels(picture):
    path, pixels = picture
    record = ImageRecords().record(path, 5)
    datum = parsed(record)
    planes = pixels.transpose(2, 0, 1)[::-1]
    assert (datum.channels, datum.height, datum.width, datum.label) == (3, 3, 4, 5)
    assert datum.data == planes.tobytes()
    # channels, height, width, data, label, and encoded: false, which Caffe sets (io.cpp:226)
    assert record == b"\x08\x03\x10\x03\x18\x04\x22\x24" + planes.tobytes() + b"\x28\x05\x38\x00"


def test_gray_and_resized(picture):
    datum = parsed(ImageRecords(color=False, height=5, width=6).record(picture[0], 0))
    assert (datum.channels, datum.height, datum.width, len(datum.data)) == (1, 5, 6, 30)


def test_a_file_of_the_right_type_is_stored_as_it_is(picture):
    path, _ = picture
    for records in (ImageRecords(encoded=True), ImageRecords(encode_type="PNG")):
        datum = parsed(records.record(path, 2))
        with open(path, "rb") as file:
            assert (datum.data, datum.label, datum.encoded) == (file.read(), 2, True)
        assert not datum.HasField("channels")


@pytest.mark.parametrize(
    "options, kind", [(dict(encode_type="jpg"), "JPEG"), (dict(encoded=True, height=6, width=8), "PNG")]
)
def test_encoding_anew(picture, options, kind):
    datum = parsed(ImageRecords(**options).record(picture[0], 0))
    with Image.open(io.BytesIO(datum.data)) as image:
        assert image.format == kind
        assert image.size == ((8, 6) if "height" in options else (4, 3))
        red, green, blue = image.getpixel((0, 0))
    assert datum.encoded and abs(red - 0) < 40 and abs(blue - 14) < 40


def test_types_that_are_not_known(picture):
    with pytest.raises(UsageError) as caught:
        ImageRecords(encode_type="doc").record(picture[0], 0)
    assert str(caught.value) == (
        f'image "{picture[0]}" cannot be encoded as "doc"; expected one of jpg, jpeg, png, bmp, tif, tiff, webp. '
        "Give --encode_type."
    )


def test_sizes_that_differ(picture):
    sizes = SizeCheck()
    sizes.check(ImageRecords().record(picture[0], 0), "a")
    with pytest.raises(DataError) as caught:
        sizes.check(ImageRecords(color=False).record(picture[0], 0), "b")
    assert str(caught.value) == (
        'image "b" has 12 bytes; the first one has 36, and --check_size asks that all agree. '
        "Give --resize_height and --resize_width."
    )
