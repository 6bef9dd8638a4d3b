"""caffe.Detector: windows, context, and what stands for what is outside of an image."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

import netdef.caffe as caffe
from netdef.errors import DataError, UsageError

DEPLOY = """\
layer { name: "data" type: "Input" top: "data" input_param { shape { dim: 2 dim: 3 dim: 6 dim: 6 } } }
layer { name: "pool" type: "Pooling" bottom: "data" top: "mean" pooling_param { pool: AVE global_pooling: true } }
"""


@pytest.fixture
def files(tmp_path):
    path = tmp_path / "net.prototxt"
    path.write_text(DEPLOY)
    caffe.Net(str(path), caffe.TEST).save(tmp_path / "net.caffemodel")
    return str(path), str(tmp_path / "net.caffemodel")


@pytest.fixture
def picture(tmp_path):
    """12 x 18 pixels: the left half red, the right half blue."""
    pixels = np.zeros((12, 18, 3), np.uint8)
    pixels[:, :9, 0] = pixels[:, 9:, 2] = 255
    Image.fromarray(pixels).save(tmp_path / "picture.png")
    return str(tmp_path / "picture.png")


def test_windows_of_images(files, picture):
    detector = caffe.Detector(*files)
    windows = np.array([[0, 0, 12, 9], [2, 10, 8, 16], [0, 0, 6, 8]])
    found = detector.detect_windows([(picture, windows[:2]), (picture, windows[2:])])
    assert [row["filename"] for row in found] == [picture] * 3
    np.testing.assert_array_equal([row["window"] for row in found], windows)
    colors = np.array([row["prediction"].ravel() for row in found])
    np.testing.assert_allclose(colors, [[1, 0, 0], [0, 0, 1], [1, 0, 0]], atol=1e-6)


def test_context_shows_the_surroundings(files, picture):
    detector = caffe.Detector(*files, context_pad=1)
    image = caffe.io.load_image(picture)
    crop = detector.crop(image, np.array([2, 9, 10, 17]))
    assert crop.shape == (6, 6, 3)
    assert crop[:, 0, 0].max() > 0.3  # red, left of a window that is blue
    np.testing.assert_allclose(detector.crop_mean, 0)


def test_outside_is_the_mean(files, picture):
    mean = np.array([51.0, 102.0, 153.0])  # blue first, 0 to 255
    detector = caffe.Detector(*files, mean=mean, raw_scale=255, channel_swap=(2, 1, 0), context_pad=2)
    np.testing.assert_allclose(detector.crop_mean[0, 0], [0.6, 0.4, 0.2])
    crop = detector.crop(caffe.io.load_image(picture), [0, 0, 5, 5])
    np.testing.assert_allclose(crop[0, 0], [0.6, 0.4, 0.2], rtol=1e-6)
    np.testing.assert_allclose(crop[3, 3], [1, 0, 0], atol=1e-6)


def test_windows_that_hold_nothing(files, picture):
    detector = caffe.Detector(*files)
    with pytest.raises(DataError) as caught:
        detector.detect_windows([(picture, [[12, 0, 14, 5]])])
    assert str(caught.value) == (
        "window (12, 0, 14, 5) holds no pixel of an image of 12 x 18 pixels; expected ymin < ymax and xmin < xmax "
        "within it."
    )
    with pytest.raises(DataError, match="^there is no window to look at"):
        detector.detect_windows([(picture, [])])


def test_too_much_context(files):
    with pytest.raises(UsageError) as caught:
        caffe.Detector(*files, context_pad=3)
    assert str(caught.value) == "context_pad is 3; twice that must be less than the input's sides, 6 and 6."


def test_selective_search_is_somebody_elses(files, picture):
    with pytest.raises(UsageError, match="^selective search needs the module selective_search_ijcv_with_python"):
        caffe.Detector(*files).detect_selective_search([picture])


def test_gray_nets_see_gray_images(tmp_path, picture):
    path = tmp_path / "gray.prototxt"
    path.write_text(DEPLOY.replace("dim: 3", "dim: 1"))
    caffe.Net(str(path), caffe.TEST).save(tmp_path / "gray.caffemodel")
    (found,) = caffe.Detector(str(path), f"{tmp_path}/gray.caffemodel").detect_windows([(picture, [[0, 0, 12, 9]])])
    np.testing.assert_allclose(found["prediction"].ravel(), [0.2125], rtol=1e-5)
