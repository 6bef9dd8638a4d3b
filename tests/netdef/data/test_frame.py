"""Padding and distortion as transform_param asks for them."""

import numpy as np
import pytest

from netdef.data.frame import refuse_frame
from netdef.data.mean import write_mean
from netdef.data.transformer import DataTransformer
from netdef.errors import LayerError
from netdef.random import Stream
from prototxt import parse, schema
from tests.naive.frame import frame
from tests.naive.transform import transform
from tests.support.databases import pictures

AFFINE = "affine_param { rotation: 20 shift: 1 scaling: 0.2 shear: 0.3 }"


def transformer(text, phase=schema.TRAIN, seed=1):
    return DataTransformer(parse(text, schema.TransformationParameter).message, phase, Stream(seed))


def run(made, images):
    top = np.empty((len(images), *made.output_shape(images[0].shape)), np.float32)
    made.transform(images, top)
    return top


def test_the_papers_normalisation():
    image = np.array([[[0, 255]]], np.uint8)
    top = run(transformer("pad: 1 mean_value: 20 scale: 0.005"), [image])
    assert top.shape == (1, 1, 3, 4)
    np.testing.assert_allclose(top[0, 0], [[-0.1] * 4, [-0.1, -0.1, 1.175, -0.1], [-0.1] * 4], atol=1e-6)


def test_crop_and_mean_image_come_after_the_padding(tmp_path):
    mean = np.random.default_rng(1).random((3, 11, 9)).astype(np.float32)
    write_mean(tmp_path / "mean.binaryproto", mean)
    text = f'pad: 2 pad_value: 5 crop_size: 6 scale: 0.5 mean_file: "{tmp_path}/mean.binaryproto"'
    made, images = transformer(text, schema.TEST), pictures(2)
    expected = [transform(frame(image, 2, 5), 0.5, mean, 6, (2, 1)) for image in images]
    assert np.array_equal(run(made, images), expected)
    assert made.image_size(6, 6) == (7, 5) and made.resizes
    assert transformer("pad: 2").image_size(32, 30) == (28, 26)


def test_distortion_is_for_training_alone():
    images = pictures(3)
    made = transformer(AFFINE, schema.TEST)
    assert np.array_equal(run(made, images), images) and made.stream.counter == 0
    assert not np.array_equal(run(transformer(AFFINE), images), images)


def test_draws_of_distortion_do_not_disturb_those_of_the_crop():
    """The same crop and mirror are drawn, whatever comes before; nine draws an image."""
    images = np.repeat(pictures(1), 5, axis=0)
    made, plain = transformer("mirror: true crop_size: 4 affine_param { shift: 0.0001 }"), Stream(1)
    top = run(made, images)
    for got in top:
        mirror, row, column = (int(plain.uniform() * bound) for bound in (2, 4, 2))
        plain.take(6)
        np.testing.assert_allclose(got, transform(images[0], 1, None, 4, (row, column), mirror), atol=0.1)
    assert made.stream.counter == plain.counter == 45


def test_same_stream_same_result_and_images_are_left_alone():
    images = pictures(6)
    before = images.copy()
    first = run(transformer(AFFINE), images)
    assert np.array_equal(first, run(transformer(AFFINE), images))
    assert not np.array_equal(first, run(transformer(AFFINE, seed=2), images))
    assert not np.array_equal(first[0], run(transformer(AFFINE), images[1:])[0])
    assert np.array_equal(images, before)


@pytest.mark.parametrize(
    "text, field, message",
    [
        ("rotation: 181", "rotation", "rotation is 181; it must be from 0 to 180. Correct it."),
        ("shift: -1", "shift", "shift is -1; it must be from 0 to 1e+06. Correct it."),
        ("scaling: 1", "scaling", "scaling is 1; it must be from 0 to less than 1. Correct it."),
        ("shear: nan", "shear", "shear is nan; it must be from 0 to 1e+06. Correct it."),
    ],
)
def test_bad_limits(text, field, message):
    with pytest.raises(LayerError) as caught:
        transformer(f"affine_param {{ {text} }}")
    assert (caught.value.message, caught.value.field) == (message, f"transform_param.affine_param.{field}")


def test_bad_pad_value():
    with pytest.raises(LayerError) as caught:
        transformer("pad: 1 pad_value: inf")
    assert caught.value.message == "pad_value is inf; expected a gray level."
    assert caught.value.field == "transform_param.pad_value"


@pytest.mark.parametrize("text, field", [("pad: 1", "pad"), ("pad_value: 1", "pad_value"), (AFFINE, "affine_param")])
def test_refusal(text, field):
    with pytest.raises(LayerError) as caught:
        refuse_frame(parse(text, schema.TransformationParameter).message, "WindowData")
    assert caught.value.message == (
        f"{field} is not known to WindowData. Take it away, or use Data, ImageData or HDF5Data."
    )
    assert caught.value.field == f"transform_param.{field}"
    assert refuse_frame(schema.TransformationParameter(), "WindowData") is None
