import numpy as np
import pytest
from PIL import Image

from netdef.data.datum import decode_image
from netdef.data.image import has_light_border, prepare_image, read_image, resize
from netdef.data.mean import write_mean
from netdef.errors import DataError, UsageError
from prototxt import parse, schema
from tests.naive.transform import transform
from tests.support.databases import pictures


def save(path, pixels):
    Image.fromarray(np.ascontiguousarray(pixels)).save(path)
    return path


@pytest.fixture
def rgb():
    return pictures(1)[0].transpose(1, 2, 0)


def test_colour_is_blue_first(tmp_path, rgb):
    path = save(tmp_path / "a.png", rgb)
    assert np.array_equal(read_image(path, color=True), rgb[..., ::-1].transpose(2, 0, 1))


def test_gray_by_luma(tmp_path, rgb):
    path = save(tmp_path / "a.png", rgb)
    assert np.allclose(read_image(path, color=False)[0], rgb @ [0.299, 0.587, 0.114], atol=0.6)


def test_gray_becomes_three_equal_channels(tmp_path, rgb):
    image = read_image(save(tmp_path / "a.png", rgb[..., 0]), color=True)
    assert all(np.array_equal(plane, rgb[..., 0]) for plane in image)


def test_sixteen_bits_are_brought_to_255(tmp_path):
    deep = np.array([[0, 257, 65535], [128, 32768, 514]], np.uint16)
    path = save(tmp_path / "a.png", deep)
    assert np.allclose(read_image(path, color=False)[0], deep / 257)
    assert np.allclose(read_image(path, color=True)[2], deep / 257)


def test_one_bit_and_palette(tmp_path, rgb):
    bits = rgb[..., 0] > 100
    assert np.array_equal(read_image(save(tmp_path / "a.png", bits), color=False)[0], bits * 255)
    palette = Image.fromarray(np.ascontiguousarray(rgb)).quantize(35)
    palette.save(tmp_path / "b.png")
    expected = np.asarray(palette.convert("RGB"))[..., ::-1].transpose(2, 0, 1)
    assert np.array_equal(read_image(tmp_path / "b.png", color=True), expected)


@pytest.mark.parametrize("color", [False, True])
def test_alpha_is_laid_over_the_background(tmp_path, color):
    rgba = np.zeros((2, 3, 4), np.uint8)
    rgba[0, :, :3] = 100
    rgba[:, :, 3] = [0, 51, 255]
    path = save(tmp_path / "a.png", rgba)
    assert np.allclose(read_image(path, color)[-1], [[255, 224, 100], [255, 204, 0]])
    assert np.allclose(read_image(path, color, background=0)[-1], [[0, 20, 100], [0, 0, 0]])


def test_transparent_palette_and_gray_with_alpha(tmp_path):
    planes = [Image.fromarray(np.array([values], np.uint8)) for values in ([7, 9], [255, 0])]
    Image.merge("LA", planes).save(tmp_path / "a.png")
    assert np.allclose(read_image(tmp_path / "a.png", color=False)[0], [[7, 255]])
    palette = Image.new("P", (3, 1))
    palette.putdata([0, 1, 2])
    palette.putpalette([10, 20, 30, 40, 50, 60, 70, 80, 90])
    palette.save(tmp_path / "b.png", transparency=1)
    assert read_image(tmp_path / "b.png", color=True)[:, 0].tolist() == [[30, 255, 90], [20, 255, 80], [10, 255, 70]]


def test_the_camera_noted_a_rotation(tmp_path, rgb):
    image = Image.fromarray(np.ascontiguousarray(rgb))
    exif = image.getexif()
    exif[0x0112] = 6
    image.save(tmp_path / "a.png", exif=exif)
    assert read_image(tmp_path / "a.png", color=True).shape == (3, 5, 7)


def test_resize_keeps_level_and_range():
    image = np.zeros((1, 40, 60), np.float32)
    image[:, :, 30:] = 255
    small = resize(image, 7, 10)
    assert small.shape == (1, 7, 10)
    assert small.min() == 0 and small.max() == 255
    assert abs(small.mean() - image.mean()) < 1
    assert resize(image, 40, 60) is image


@pytest.mark.parametrize("border, middle, light", [(255, 0, True), (0, 255, False), (128, 0, True), (127, 255, False)])
def test_light_border(border, middle, light):
    image = np.full((1, 6, 5), border, np.float32)
    image[:, 1:-1, 1:-1] = middle
    image[:, 0, 2] = middle  # ink that touches the border does not decide
    assert has_light_border(image) is light


@pytest.mark.parametrize("invert, inverted", [("auto", True), ("yes", True), ("no", False)])
def test_ink_on_paper_is_inverted(tmp_path, invert, inverted):
    paper = np.full((28, 28), 255, np.uint8)
    paper[8:20, 12:16] = 30
    image = prepare_image(save(tmp_path / "a.png", paper), 1, 28, 28, invert)
    assert np.array_equal(image[0], 255 - paper if inverted else paper)


@pytest.mark.parametrize("invert, inverted", [("auto", False), ("yes", True), ("no", False)])
def test_white_on_black_is_not(tmp_path, invert, inverted):
    board = np.zeros((28, 28), np.uint8)
    board[8:20, 12:16] = 230
    image = prepare_image(save(tmp_path / "a.png", board), 1, 28, 28, invert)
    assert np.array_equal(image[0], 255 - board if inverted else board)


def test_colour_is_inverted_only_when_asked(tmp_path):
    light = np.full((5, 7, 3), 250, np.uint8)
    path = save(tmp_path / "a.png", light)
    assert prepare_image(path, 3, 5, 7).mean() == 250
    assert prepare_image(path, 3, 5, 7, "yes").mean() == 5


def test_transform_as_in_training_without_its_chance(tmp_path, rgb):
    param = parse("scale: 0.5 mean_value: 10 mirror: true crop_size: 3", schema.TransformationParameter).message
    path = save(tmp_path / "a.png", rgb)
    expected = transform(rgb[..., ::-1].transpose(2, 0, 1), 0.5, [10, 10, 10])
    for _ in range(5):
        assert np.array_equal(prepare_image(path, 3, 7, 5, transform_param=param), expected)
    assert param.crop_size == 3


def test_a_mean_image_larger_than_the_input_asks_for_a_crop(tmp_path, rgb):
    mean = np.random.default_rng(1).random((3, 9, 8)).astype(np.float32)
    write_mean(tmp_path / "mean", mean)
    param = parse(f'mean_file: "{tmp_path}/mean"', schema.TransformationParameter).message
    path = save(tmp_path / "a.png", np.full((9, 8, 3), 60, np.uint8))
    image = prepare_image(path, 3, 4, 4, transform_param=param)
    assert np.array_equal(image, transform(np.full((3, 9, 8), 60), 1, mean, 4, (2, 2)))


def test_padding_goes_around_an_image_that_is_resized_to_what_is_left(tmp_path):
    param = parse("pad: 2 pad_value: 7 scale: 0.5", schema.TransformationParameter).message
    path = save(tmp_path / "a.png", np.full((3, 4), 60, np.uint8))
    image = prepare_image(path, 1, 9, 8, transform_param=param)
    expected = np.full((1, 9, 8), 3.5, np.float32)
    expected[:, 2:7, 2:6] = 30
    assert np.array_equal(image, expected)


def test_recorded_digits_are_scaled_as_in_training(mnist_dir):
    paths = sorted((mnist_dir / "png").glob("*.png"))
    if not paths:
        pytest.skip("no PNGs beside MNIST")
    param = schema.TransformationParameter(scale=0.00390625)
    for path in paths:
        raw = np.asarray(Image.open(path), np.float32)
        assert np.array_equal(prepare_image(path, 1, 28, 28, transform_param=param)[0], raw / 256)


def failure(path):
    with pytest.raises(DataError) as caught:
        prepare_image(path, 1, 28, 28)
    return caught.value.message


def test_files_that_cannot_be_read(tmp_path, rgb):
    whole = save(tmp_path / "whole.png", pictures(1, height=50, width=60)[0].transpose(1, 2, 0)).read_bytes()
    (tmp_path / "cut.png").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "head.png").write_bytes(whole[:20])
    (tmp_path / "text.png").write_text("This is not a PNG.")
    (tmp_path / "none.png").write_bytes(b"")
    (tmp_path / "folder.png").mkdir()
    name = f'image "{tmp_path}/'
    assert failure(tmp_path / "no.png") == f'{name}no.png" does not exist. Correct the path.'
    assert failure(tmp_path / "cut.png") == f'{name}cut.png" is damaged or cut off. Make or copy it again.'
    assert failure(tmp_path / "head.png") == f'{name}head.png" is damaged or cut off. Make or copy it again.'
    assert failure(tmp_path / "text.png") == (
        f'{name}text.png" is not an image in a format known here. Convert it to PNG.'
    )
    assert failure(tmp_path / "none.png") == f'{name}none.png" is empty (0 bytes). Make or copy it again.'
    assert failure(tmp_path / "folder.png") == (
        f'{name}folder.png" is a folder; expected an image file. Name the files in it.'
    )


@pytest.mark.parametrize(
    "values, message",
    [
        (
            np.array([[0, 70000]], np.int32),
            "has pixels from 0 to 70000; expected 0 to 65535. Convert it to 8 or 16 bits.",
        ),
        (np.array([[-1, 7]], np.int32), "has pixels from -1 to 7; expected 0 to 65535. Convert it to 8 or 16 bits."),
        (
            np.array([[0.5, 300]], np.float32),
            "has pixels from 0.5 to 300; expected 0 to 255. Convert it to 8 or 16 bits.",
        ),
        (
            np.array([[0, np.nan]], np.float32),
            "has pixels from nan to nan; expected 0 to 255. Convert it to 8 or 16 bits.",
        ),
    ],
)
def test_numbers_beyond_sixteen_bits(tmp_path, values, message):
    path = tmp_path / "deep.tiff"
    Image.fromarray(values).save(path)
    assert failure(path) == f'image "{path}" {message}'
    with pytest.raises(DataError) as caught:
        decode_image(path.read_bytes(), force_gray=True)
    assert caught.value.message == message


def test_other_wrong_requests(tmp_path, rgb):
    path = save(tmp_path / "a.png", rgb)
    with pytest.raises(DataError) as caught:
        prepare_image(path, 5, 7, 5)
    assert caught.value.message == (
        "the net's input has 5 channels; an image gives 1 (gray) or 3 (colour). "
        "Feed such a net arrays instead of images."
    )
    with pytest.raises(UsageError) as caught:
        prepare_image(path, 1, 7, 5, "maybe")
    assert caught.value.message == 'invert is "maybe"; expected auto, yes or no. Choose one of them.'
