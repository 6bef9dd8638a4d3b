"""caffe.io: messages and arrays, images from files, sizes and crops."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

import netdef.caffe as caffe
from netdef.caffe.proto import caffe_pb2
from netdef.errors import DataError

# -- messages ----------------------------------------------------------------------------------------------------


def test_blobs_of_any_age():
    old = caffe_pb2.BlobProto(num=1, channels=2, height=3, width=4, data=range(24))
    assert caffe.io.blobproto_to_array(old).shape == (1, 2, 3, 4)
    new = caffe_pb2.BlobProto(data=range(24), diff=range(24, 48))
    new.shape.dim.extend([4, 6])
    array = caffe.io.blobproto_to_array(new)
    assert (array.shape, array[1, 2]) == ((4, 6), 8)
    assert caffe.io.blobproto_to_array(new, return_diff=True)[0, 0] == 24
    assert caffe.io.blobproto_to_array(caffe_pb2.BlobProto(data=[5])) == 5
    with pytest.raises(ValueError):
        caffe.io.blobproto_to_array(caffe_pb2.BlobProto(data=[5, 6]))


@pytest.mark.parametrize("shape", [(), (3,), (2, 3, 4, 5)])
def test_arrays_as_blobs_and_back(shape, rng):
    array, diff = rng.standard_normal((2, *shape)).astype(np.float32)
    blob = caffe.io.array_to_blobproto(array, diff)
    assert tuple(blob.shape.dim) == shape
    np.testing.assert_array_equal(caffe.io.blobproto_to_array(blob), array)
    np.testing.assert_array_equal(caffe.io.blobproto_to_array(blob, True), diff)
    text = caffe.io.arraylist_to_blobprotovector_str([array, diff])
    back = caffe.io.blobprotovector_str_to_arraylist(text)
    np.testing.assert_array_equal(back, [array, diff])


@pytest.mark.parametrize("dtype", [np.uint8, np.float64])
def test_arrays_as_datums_and_back(dtype, rng):
    array = rng.integers(0, 256, (3, 4, 5)).astype(dtype)
    datum = caffe.io.array_to_datum(array, label=7)
    assert (datum.channels, datum.height, datum.width, datum.label) == (3, 4, 5, 7)
    back = caffe.io.datum_to_array(datum)
    assert back.dtype == dtype
    np.testing.assert_array_equal(back, array)
    assert len(datum.SerializeToString()) > len(caffe.io.array_to_datum(array).SerializeToString())


def test_a_datum_is_an_image():
    with pytest.raises(ValueError) as caught:
        caffe.io.array_to_datum(np.zeros((2, 3)))
    assert str(caught.value) == "Incorrect array shape: found (2, 3), expected (channels, height, width)."


# -- images ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode, channels", [("L", 0), ("RGB", 3), ("RGBA", 4)])
def test_images_from_files(tmp_path, rng, mode, channels):
    pixels = rng.integers(0, 256, (3, 4, channels) if channels else (3, 4), dtype=np.uint8)
    Image.fromarray(pixels).save(tmp_path / "image.png")
    color = caffe.io.load_image(str(tmp_path / "image.png"))
    gray = caffe.io.load_image(str(tmp_path / "image.png"), color=False)
    assert (color.shape, color.dtype, gray.shape, gray.dtype) == ((3, 4, 3), np.float32, (3, 4, 1), np.float32)
    if channels:
        expected = pixels[:, :, :3] / 255
        np.testing.assert_allclose(color, expected, rtol=1e-6)
        np.testing.assert_allclose(gray[:, :, 0], expected @ [0.2125, 0.7154, 0.0721], rtol=1e-6)
    else:
        np.testing.assert_allclose(color, np.repeat(pixels[:, :, None] / 255, 3, axis=2), rtol=1e-6)


def test_deep_and_bilevel_images(tmp_path):
    Image.fromarray(np.array([[0, 65535], [13107, 39321]], np.uint16)).save(tmp_path / "deep.png")
    np.testing.assert_allclose(caffe.io.load_image(tmp_path / "deep.png", False)[..., 0], [[0, 1], [0.2, 0.6]])
    Image.fromarray(np.array([[True, False]])).save(tmp_path / "bits.png")
    np.testing.assert_array_equal(caffe.io.load_image(tmp_path / "bits.png", False)[..., 0], [[1, 0]])


def test_files_that_are_no_images(tmp_path):
    with pytest.raises(OSError, match="does not exist"):
        caffe.io.load_image(tmp_path / "none.png")
    (tmp_path / "text.png").write_text("hello")
    with pytest.raises(DataError, match="is not an image"):
        caffe.io.load_image(tmp_path / "text.png")


def bilinear(image, height, width):
    """Linear interpolation between pixel centres, zeros around, pixel by pixel."""
    out = np.zeros((height, width, image.shape[2]))
    padded = np.pad(image, ((1, 1), (1, 1), (0, 0)))
    for i in range(height):
        for j in range(width):
            y, x = (i + 0.5) * image.shape[0] / height - 0.5 + 1, (j + 0.5) * image.shape[1] / width - 0.5 + 1
            top, left = int(np.floor(y)), int(np.floor(x))
            for dy in (0, 1):
                for dx in (0, 1):
                    weight = (1 - abs(y - top - dy)) * (1 - abs(x - left - dx))
                    out[i, j] += weight * padded[top + dy, left + dx]
    return out


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("size", [(3, 4), (9, 11), (2, 13)])
def test_sizes(size, channels, rng):
    image = (rng.random((5, 7, channels)) * 200 + 20).astype(np.float32)
    least, most = image.min(), image.max()
    expected = bilinear((image - least) / (most - least), *size) * (most - least) + least
    result = caffe.io.resize_image(image, size)
    assert (result.shape, result.dtype) == ((*size, channels), np.float32)
    np.testing.assert_allclose(result, expected, rtol=1e-5)


def test_sizes_of_many_channels_and_of_one_colour(rng):
    image = rng.random((4, 5, 6)).astype(np.float32)
    result = caffe.io.resize_image(image, (7, 9))
    assert (result.shape, result.dtype) == ((7, 9, 6), np.float32)
    np.testing.assert_allclose(result[[0, 0, -1, -1], [0, -1, 0, -1]], image[[0, 0, -1, -1], [0, -1, 0, -1]], rtol=1e-6)
    flat = caffe.io.resize_image(np.full((4, 5, 3), 0.25, np.float32), np.array([2, 3]))
    np.testing.assert_array_equal(flat, np.full((2, 3, 3), 0.25, np.float32))


def test_nearest_pixel(rng):
    image = rng.random((4, 6, 1)).astype(np.float32)
    np.testing.assert_allclose(caffe.io.resize_image(image, (8, 12), 0), image.repeat(2, 0).repeat(2, 1), rtol=1e-6)


def test_ten_crops(rng):
    images = rng.random((2, 6, 9, 3)).astype(np.float32)
    crops = caffe.io.oversample(images, (4, 5))
    assert (crops.shape, crops.dtype) == ((20, 4, 5, 3), np.float32)
    places = [(0, 0), (0, 4), (2, 0), (2, 4), (1, 2)]
    for item, image in enumerate(images):
        for number, (top, left) in enumerate(places):
            crop = image[top : top + 4, left : left + 5]
            np.testing.assert_array_equal(crops[10 * item + number], crop)
            np.testing.assert_array_equal(crops[10 * item + 5 + number], crop[:, ::-1])
