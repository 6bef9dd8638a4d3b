import gc
import threading

import numpy as np
import pytest
from PIL import Image

from netdef.data.mean import write_mean
from netdef.errors import DataError, LayerError, NetdefError
from netdef.net import Net
from prototxt import parse_net, schema
from tests.naive import resize as naive
from tests.support.databases import pictures
from tests.support.nets import make_layer

# One object and one background window in each of two images of 20 x 30 pixels.
WINDOWS = """\
# 0
a.png
3
20
30
2
2 0.9 4 5 9 12
1 0.1 20 10 25 13
# 1
b.png
3
20
30
2
3 0.5 0 0 3 3
9 0.2 2 2 28 18
"""


@pytest.fixture(autouse=True)
def no_thread_is_left():
    yield
    gc.collect()
    assert not [thread for thread in threading.enumerate() if thread.name == "netdef-prefetch"]


@pytest.fixture
def images(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pictures").mkdir()
    (tmp_path / "windows.txt").write_text(WINDOWS)
    pixels = pictures(2, height=20, width=30)
    for name, image in zip("ab", pixels):
        Image.fromarray(image[::-1].transpose(1, 2, 0)).save(tmp_path / "pictures" / f"{name}.png")
    return pixels


def window_layer(fields="batch_size: 8", transform="crop_size: 6"):
    return (
        'name: "d" type: "WindowData" top: "data" top: "label" '
        f'window_data_param {{ source: "windows.txt" root_folder: "pictures/" {fields} }} '
        f"transform_param {{ {transform} }}"
    )


def step(run):
    run.layer.forward(run.bottom, run.top)
    return [blob.data.copy() for blob in run.top]


def take(*args, **options):
    run = make_layer(window_layer(*args), [], tops=2, **options)
    values = step(run)
    run.layer.close()
    return values


def test_background_comes_first(images):
    data, label = take("batch_size: 11")
    assert data.shape == (11, 3, 6, 6)
    assert (label[:9] == 0).all() and set(label[9:]) <= {2, 3}  # a quarter of 11, rounded down
    label = np.concatenate([take("batch_size: 8 fg_fraction: 0.5", seed=seed)[1] for seed in range(4)])
    assert set(label) == {0, 2, 3}


def only_the_first_object(folder):
    (folder / "windows.txt").write_text(WINDOWS.replace("3 0.5", "3 0.1"))


@pytest.mark.parametrize("cache", ["true", "false"])
def test_a_window_is_warped(images, tmp_path, cache):
    only_the_first_object(tmp_path)
    data, label = take(f"batch_size: 1 fg_fraction: 1 fg_threshold: 0.8 cache_images: {cache}", "crop_size: 7")
    assert label.tolist() == [2]
    assert np.abs(data[0] - naive.resize(images[0][:, 5:13, 4:10], 7, 7)).max() <= 1


def test_context_mean_and_scale(images, tmp_path):
    """The box x 0 … 3, y 0 … 3 of the second image grows to -2 … 6: the first 2 of 8 pixels are empty."""
    (tmp_path / "windows.txt").write_text(WINDOWS.replace("2 0.9", "2 0.1"))
    fields = "batch_size: 1 fg_fraction: 1 context_pad: 2 scale: 0.5"
    data, _ = take(fields, "crop_size: 8 mean_value: 10 mean_value: 20 mean_value: 30 scale: 2")
    assert (data[0, :, :2] == 0).all() and (data[0, :, :, :2] == 0).all()
    expected = naive.resize(images[1][:, 0:7, 0:7], 6, 6) - np.array([10, 20, 30]).reshape(3, 1, 1)
    assert np.abs(data[0, :, 2:, 2:] - expected).max() <= 1


def test_mirror_turns_the_empty_columns_too(images, tmp_path):
    (tmp_path / "windows.txt").write_text(WINDOWS.replace("2 0.9", "2 0.1"))
    fields = "batch_size: 16 fg_fraction: 1 context_pad: 2"
    data, _ = take(fields, "crop_size: 8 mirror: true")
    plain = take(fields, "crop_size: 8")[0][0]
    turned = [np.array_equal(image, plain[:, :, ::-1]) for image in data]
    assert {np.array_equal(image, plain) for image in data} == {True, False} == set(turned)


def test_mean_file(images, tmp_path, rng):
    only_the_first_object(tmp_path)
    mean = rng.uniform(0, 100, (3, 9, 9)).astype(np.float32)
    write_mean("mean.binaryproto", mean)
    fields = "batch_size: 1 fg_fraction: 1 fg_threshold: 0.8"
    plain, _ = take(fields, "crop_size: 5")
    data, _ = take(fields, 'crop_size: 5 mean_file: "mean.binaryproto"')
    np.testing.assert_allclose(data[0], plain[0] - mean[:, 2:7, 2:7], rtol=1e-5)


def test_float64(images):
    data, label = take(dtype=np.float64)
    assert data.dtype == label.dtype == np.float64


@pytest.mark.parametrize("before", [0, 1, 3])
def test_resume_is_exact(images, before):
    text = window_layer("batch_size: 3", "crop_size: 6 mirror: true")
    run = make_layer(text, [], tops=2, seed=1)
    for _ in range(before):
        step(run)
    state = run.layer.state()
    expected = [step(run) for _ in range(5)]
    other = make_layer(text, [], tops=2, seed=2)
    step(other)
    for again in (other, run):
        again.layer.restore(state)
        for values in expected:
            assert all(np.array_equal(got, want) for got, want in zip(step(again), values))
        again.layer.close()


ERRORS = [
    ("", "crop_size: 6", "window_data_param.batch_size", "batch_size is 0 or missing; expected at least 1. Set it."),
    (
        "batch_size: 2",
        "",
        "",
        "crop_size is 0 or missing; expected the size in pixels to which windows are warped. Set it.",
    ),
    (
        "batch_size: 2 context_pad: 3",
        "crop_size: 6",
        "window_data_param.context_pad",
        "context_pad is 3 but crop_size is 6; it must be less than half of it. Lower context_pad.",
    ),
    (
        "batch_size: 2 fg_fraction: 1.5",
        "crop_size: 6",
        "window_data_param.fg_fraction",
        "fg_fraction is 1.5; expected a share from 0 to 1. Correct it.",
    ),
    (
        'batch_size: 2 crop_mode: "wrap"',
        "crop_size: 6",
        "window_data_param.crop_mode",
        'crop_mode is "wrap"; expected "warp" or "square". Choose one of them.',
    ),
    (
        "batch_size: 8 fg_threshold: 0.95",
        "crop_size: 6",
        "window_data_param.source",
        'a batch has 2 object windows, but "windows.txt" has none, that is, none with an overlap of fg_threshold or '
        "more. Correct the file, the thresholds or fg_fraction.",
    ),
    (
        "batch_size: 2",
        "crop_size: 6 mean_value: 1 mean_value: 2",
        "transform_param.mean_value",
        "has 2 mean_value for images of 3 channels; expected 1 or 3. Give one for all channels or one for each.",
    ),
]


@pytest.mark.parametrize("fields, transform, field, message", ERRORS)
def test_fields(images, fields, transform, field, message):
    with pytest.raises(LayerError) as caught:
        make_layer(window_layer(fields, transform), [], tops=2)
    assert (caught.value.message, caught.value.field) == (message, field)


def test_files_that_are_missing(images, tmp_path):
    (tmp_path / "pictures" / "a.png").unlink()
    with pytest.raises(DataError) as caught:
        make_layer(window_layer("batch_size: 2 cache_images: true"), [], tops=2)
    assert caught.value.message == 'image "pictures/a.png" does not exist. Correct the path.'
    (tmp_path / "windows.txt").unlink()
    with pytest.raises(DataError) as caught:
        make_layer(window_layer(), [], tops=2)
    assert caught.value.message == 'window file "windows.txt" does not exist. Create it or correct the path.'


def test_a_box_beyond_its_image_stops_the_run(images, tmp_path):
    (tmp_path / "windows.txt").write_text(WINDOWS.replace("4 5 9 12", "4 5 30 12").replace("3 0.5", "3 0.1"))
    net = Net(parse_net(f"layer {{ {window_layer('batch_size: 1 fg_fraction: 1')} }}", "a.prototxt"), schema.TRAIN)
    with pytest.raises(NetdefError) as caught:
        net.run()
    net.close()
    assert caught.value.message == (
        'the window x1 y1 x2 y2 (4, 5, 30, 12) of image 0, "pictures/a.png", shows nothing of it or reaches beyond it; '
        "the image is 30 wide and 20 high. Correct the window file."
    )
