import numpy as np
import pytest

from netdef.data.mean import write_mean
from netdef.data.transformer import DataTransformer
from netdef.errors import DataError, LayerError
from netdef.random import Stream
from prototxt import parse, schema
from tests.naive.transform import transform
from tests.support.databases import pictures


def transformer(text, phase=schema.TEST, seed=1, dtype=np.float32):
    return DataTransformer(parse(text, schema.TransformationParameter).message, phase, Stream(seed), dtype)


def run(made, images):
    top = np.empty((len(images), *made.output_shape(images[0].shape)), made.dtype)
    made.transform(images, top)
    return top


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(
    "text, mean, crop, offset",
    [
        ("", None, 0, (0, 0)),
        ("scale: 0.00390625", None, 0, (0, 0)),
        ("mean_value: 9 scale: 2", [9, 9, 9], 0, (0, 0)),
        ("mean_value: 9 mean_value: 8 mean_value: 7.5", [9, 8, 7.5], 0, (0, 0)),
        ("crop_size: 4", None, 4, (1, 0)),
    ],
)
def test_test_phase_equals_its_twin(text, mean, crop, offset, dtype):
    made = transformer(text, dtype=dtype)
    images = pictures(2)
    expected = [transform(image, made.scale, mean, crop, offset, dtype=dtype) for image in images]
    assert np.array_equal(run(made, images), expected)


def test_float_images_are_transformed_too():
    images = pictures(2).astype(np.float32) / 3
    assert np.array_equal(run(transformer("scale: 3"), images), [transform(image, 3) for image in images])


def test_random_crops_and_mirrors_are_all_met_and_match_the_mean_image(tmp_path):
    mean = np.random.default_rng(1).random((3, 7, 5)).astype(np.float32)
    write_mean(tmp_path / "mean.binaryproto", mean)
    text = f'mirror: true crop_size: 4 mean_file: "{tmp_path}/mean.binaryproto"'
    made = transformer(text, schema.TRAIN)
    images = np.repeat(pictures(1), 200, axis=0)
    possible = {
        transform(images[0], 1, mean, 4, (row, column), mirror).tobytes()
        for row in range(4)
        for column in range(2)
        for mirror in (False, True)
    }
    assert {image.tobytes() for image in run(made, images)} == possible
    assert made.stream.counter == 600


def test_mirror_is_drawn_in_the_test_phase_too():
    made = transformer("mirror: true")
    images = np.repeat(pictures(1), 20, axis=0)
    possible = {transform(images[0], mirror=mirror).tobytes() for mirror in (False, True)}
    assert {image.tobytes() for image in run(made, images)} == possible


def test_same_stream_same_result_and_images_are_left_alone():
    images = pictures(6)
    before = images.copy()
    first = run(transformer("mirror: true crop_size: 3", schema.TRAIN), images)
    assert np.array_equal(first, run(transformer("mirror: true crop_size: 3", schema.TRAIN), images))
    assert not np.array_equal(first, run(transformer("mirror: true crop_size: 3", schema.TRAIN, seed=2), images))
    assert np.array_equal(images, before)


def test_nothing_is_drawn_where_nothing_is_random():
    made = transformer("crop_size: 3")
    run(made, pictures(2))
    assert made.stream.counter == 0


@pytest.mark.parametrize(
    "text, field, message",
    [
        (
            "crop_size: 6",
            "crop_size",
            "crop_size is 6 but the images are 7 high and 5 wide; a crop must lie inside the image. "
            "Lower crop_size or use larger images.",
        ),
        (
            "mean_value: 1 mean_value: 2",
            "mean_value",
            "has 2 mean_value for images of 3 channels; expected 1 or 3. Give one for all channels or one for each.",
        ),
        (
            'mean_file: "MEAN"',
            "mean_file",
            'mean_file "MEAN" has shape (3, 5, 7); the images have shape (3, 7, 5), before any crop, and the mean '
            "must have the same. Compute it from these images.",
        ),
        (
            'mean_file: "MEAN" mean_value: 1',
            "mean_value",
            "mean_file and mean_value are both given; expected one of them. Take one away.",
        ),
        (
            "force_color: true force_gray: true",
            "force_gray",
            "force_color and force_gray are both set; an image can have 3 channels or 1. Take one of them away.",
        ),
    ],
)
def test_fields_that_do_not_fit(tmp_path, text, field, message):
    path = str(tmp_path / "mean.binaryproto")
    write_mean(path, np.zeros((3, 5, 7)))
    with pytest.raises(LayerError) as caught:
        transformer(text.replace("MEAN", path)).output_shape((3, 7, 5))
    assert caught.value.message == message.replace("MEAN", path)
    assert caught.value.field == f"transform_param.{field}"


def test_missing_mean_file():
    with pytest.raises(DataError) as caught:
        transformer('mean_file: "nowhere.binaryproto"')
    assert caught.value.message == (
        'mean file "nowhere.binaryproto" cannot be read: No such file or directory. Correct the path.'
    )
    assert caught.value.field == "transform_param.mean_file"


def test_images_of_two_sizes_in_a_batch():
    with pytest.raises(DataError) as caught:
        run(transformer(""), [pictures(1)[0], pictures(1, height=6)[0]])
    assert caught.value.message == (
        "image 1 of the batch becomes (3, 6, 5) (channels, height, width); (3, 7, 5) was expected, as for the first. "
        "Give all images one size, or set crop_size."
    )
