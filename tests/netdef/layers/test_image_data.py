import gc
import threading

import numpy as np
import pytest
from PIL import Image

from netdef.errors import DataError, LayerError, NetdefError
from netdef.net import Net
from prototxt import parse_net, schema
from tests.support.databases import pictures
from tests.support.nets import make_layer


@pytest.fixture(autouse=True)
def no_thread_is_left():
    yield
    gc.collect()
    assert not [thread for thread in threading.enumerate() if thread.name == "netdef-prefetch"]


@pytest.fixture
def images(tmp_path, monkeypatch):
    """Five images of 7x5 pixels with labels 0, 10, … in folder "pictures", and their list."""
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "pictures"
    folder.mkdir()
    pixels = pictures(5)
    for number, image in enumerate(pixels):
        Image.fromarray(image[::-1].transpose(1, 2, 0)).save(folder / f"no {number}.png")
    (tmp_path / "list.txt").write_text("".join(f"no {n}.png {10 * n}\n" for n in range(5)))
    return pixels


def image_layer(more="batch_size: 3", transform="", tops='top: "data" top: "label"', source="list.txt"):
    return (
        f'name: "d" type: "ImageData" {tops} image_data_param {{ source: "{source}" root_folder: "pictures/" {more} }} '
        f"transform_param {{ {transform} }}"
    )


def step(run):
    run.layer.forward(run.bottom, run.top)
    return [blob.data.copy() for blob in run.top]


@pytest.mark.parametrize("case", ["image_list", "image_list_gray"])
def test_recorded_batches(recorded_dir, monkeypatch, case):
    recorded = np.load(recorded_dir / "data" / "batches.npz")
    monkeypatch.chdir(recorded_dir / "data")
    run = make_layer(str(recorded[f"{case}/prototxt"]), [], schema.TEST)
    for number in range(4):
        data, label = step(run)
        assert np.array_equal(data, recorded[f"{case}/{number}/data"])
        assert np.array_equal(label, recorded[f"{case}/{number}/label"])
    run.layer.close()


def test_batches_and_the_restart(images):
    run = make_layer(image_layer(), [])
    assert [blob.shape for blob in run.top] == [(3, 3, 7, 5), (3,)]
    assert not run.top[0].has_data
    told = []
    run.layer.on_restart = lambda: told.append(True)
    for rows in ([0, 1, 2], [3, 4, 0], [1, 2, 3]):
        data, label = step(run)
        assert np.array_equal(data, images[rows])
        assert np.array_equal(label, np.multiply(rows, 10))
    assert told == [True]
    run.layer.close()


def test_one_top_and_transform(images):
    run = make_layer(
        image_layer("batch_size: 2", "crop_size: 3 scale: 0.5 mean_value: 7", 'top: "data"'), [], schema.TEST
    )
    assert np.array_equal(step(run)[0], (images[:2, :, 2:5, 1:4].astype(np.float32) - 7) * np.float32(0.5))
    run.layer.close()


def test_gray(images):
    run = make_layer(image_layer("batch_size: 1 is_color: false"), [])
    blue, green, red = images[0].astype(int)
    assert np.array_equal(step(run)[0][0, 0], (9797 * red + 19234 * green + 3737 * blue) // 2**15)
    run.layer.close()


def test_each_epoch_is_shuffled_anew(images):
    run = make_layer(image_layer("batch_size: 5 shuffle: true"), [], seed=3)
    epochs = [step(run) for _ in range(4)]
    run.layer.close()
    assert all(sorted(label) == [0, 10, 20, 30, 40] for _, label in epochs)
    assert len({tuple(label) for _, label in epochs}) > 2
    for data, label in epochs:
        assert np.array_equal(data, images[(label / 10).astype(int)])


def test_images_of_several_sizes_one_at_a_time(images, tmp_path):
    Image.fromarray(np.zeros((4, 9, 3), np.uint8)).save(tmp_path / "pictures" / "no 1.png")
    net = Net(parse_net(f"layer {{ {image_layer('batch_size: 1')} }}"), schema.TEST)
    shapes = []
    for _ in range(3):
        net.run()
        shapes.append(net.blobs["data"].shape)
    net.close()
    assert shapes == [(1, 3, 7, 5), (1, 3, 4, 9), (1, 3, 7, 5)]


def test_rand_skip(images):
    first = set()
    for seed in range(20):
        run = make_layer(image_layer("batch_size: 1 rand_skip: 3"), [], seed=seed)
        first.add(float(step(run)[1][0]))
        run.layer.close()
    assert first == {0, 10, 20}


@pytest.mark.parametrize("before", [0, 1, 3])
def test_resume_is_exact(images, before):
    text = image_layer("batch_size: 3 rand_skip: 4 shuffle: true", "mirror: true crop_size: 4")
    run = make_layer(text, [], schema.TRAIN, seed=1)
    for _ in range(before):
        step(run)
    state = run.layer.state()
    expected = [step(run) for _ in range(5)]
    other = make_layer(text, [], schema.TRAIN, seed=2)
    step(other)
    for again in (other, run):
        again.layer.restore(state)
        for data, label in expected:
            got = step(again)
            assert np.array_equal(got[0], data)
            assert np.array_equal(got[1], label)
        again.layer.close()


def test_resuming_with_another_list(images, tmp_path):
    run = make_layer(image_layer(), [])
    step(run)
    state = run.layer.state()
    run.layer.close()
    (tmp_path / "list.txt").write_text("no 1.png 1\n")
    other = make_layer(image_layer(), [])
    with pytest.raises(DataError) as caught:
        other.layer.restore(state)
    assert caught.value.message == (
        "the image list has 1 items, but had 5 when the snapshot was made; expected what was read then. "
        "Name that one, or start without the snapshot."
    )
    other.layer.close()


LISTS = [
    ("", 'image list "list.txt" is empty; expected a line "name label" for each image. Fill it.'),
    ("\n\r\n", 'image list "list.txt" is empty; expected a line "name label" for each image. Fill it.'),
    (
        "no 0.png 1\nno\n",
        'line 2 of image list "list.txt" is "no"; expected a name, a blank and a label. Add the label.',
    ),
    (
        "no 0.png 1.5\n",
        'line 1 of image list "list.txt" has the label "1.5"; expected a whole number. Correct the line.',
    ),
    ("no 0.png\n", 'line 1 of image list "list.txt" has the label "0.png"; expected a whole number. Correct the line.'),
    ("none.png 3\n", 'image "pictures/none.png" does not exist. Correct the path.'),
]


@pytest.mark.parametrize("text, message", LISTS)
def test_lists_that_cannot_be_used(images, tmp_path, text, message):
    (tmp_path / "list.txt").write_text(text)
    with pytest.raises(DataError) as caught:
        make_layer(image_layer(), [])
    assert caught.value.message == message


@pytest.mark.parametrize(
    "source, message",
    [
        ("none.txt", 'image list "none.txt" does not exist. Create it or correct the path.'),
        ("pictures", 'image list "pictures" is a folder; expected a text file. Name the file.'),
        ("", "source is missing; expected the name of the image list. Add source."),
    ],
)
def test_sources_that_are_no_list(images, source, message):
    with pytest.raises(DataError) as caught:
        make_layer(image_layer(source=source), [])
    assert (caught.value.message, caught.value.field) == (message, "image_data_param.source")


@pytest.mark.parametrize(
    "more, field, message",
    [
        ("batch_size: 0", "batch_size", "batch_size is 0 or missing; expected at least 1. Set it."),
        (
            "new_width: 4",
            "new_width",
            "has new_width but no new_height; images are resized to both or not at all. Add new_height.",
        ),
        (
            "rand_skip: 4000000000",
            "rand_skip",
            "COUNT images are to be skipped, a random number below rand_skip 4000000000, but "
            '"list.txt" lists 5. Lower rand_skip.',
        ),
    ],
)
def test_fields(images, more, field, message):
    with pytest.raises(LayerError) as caught:
        make_layer(image_layer(more), [])
    count = caught.value.message.split()[0]
    assert caught.value.message == message.replace("COUNT", count)
    assert caught.value.field == f"image_data_param.{field}"


def test_an_image_of_another_size_stops_the_run_in_its_turn(images, tmp_path):
    Image.fromarray(np.zeros((4, 9, 3), np.uint8)).save(tmp_path / "pictures" / "no 3.png")
    net = Net(parse_net(f"layer {{ {image_layer('batch_size: 2')} }}", "a.prototxt"), schema.TEST)
    net.run()
    with pytest.raises(NetdefError) as caught:
        net.run()
    net.close()
    assert caught.value.sentence() == (
        'a.prototxt:1:1: layer "d" (ImageData): image "pictures/no 3.png" becomes (3, 4, 9) (channels, height, width); '
        "(3, 7, 5) was expected, as for the first of its batch. "
        "Set new_height and new_width, set crop_size, or use batch_size: 1."
    )
