import numpy as np
import pytest
from PIL import Image

from netdef.errors import NetdefError
from prototxt import schema
from tests.support.databases import pictures
from tests.support.nets import make_layer


@pytest.fixture
def images(tmp_path, monkeypatch):
    """Three images of 7x5 pixels, and labels of which each is the image's blue channel."""
    monkeypatch.chdir(tmp_path)
    pixels = pictures(3)
    for number, image in enumerate(pixels):
        Image.fromarray(image[::-1].transpose(1, 2, 0)).save(tmp_path / f"{number}.png")
        Image.fromarray(image[0]).save(tmp_path / f"{number}l.png")
    (tmp_path / "list.txt").write_text("".join(f"{n}.png {n}l.png\n" for n in range(3)))
    return pixels


def dense_layer(fields="batch_size: 2", transform=""):
    return (
        'name: "d" type: "DenseImageData" top: "data" top: "label" '
        f'dense_image_data_param {{ source: "list.txt" {fields} }} transform_param {{ {transform} }}'
    )


def step(run):
    run.layer.forward(run.bottom, run.top)
    return [blob.data.copy() for blob in run.top]


def test_pairs_and_the_restart(images):
    run = make_layer(dense_layer(transform="mean_value: 3 scale: 2"), [])
    assert [blob.shape for blob in run.top] == [(2, 3, 7, 5), (2, 1, 7, 5)]
    for rows in ([0, 1], [2, 0]):
        data, label = step(run)
        assert np.array_equal(data, (images[rows].astype(np.float32) - 3) * 2)
        assert np.array_equal(label, images[rows, :1])
    run.layer.close()


def test_labels_are_cropped_and_mirrored_with_their_image(images):
    run = make_layer(dense_layer("batch_size: 3 shuffle: true", "crop_size: 4 mirror: true"), [], schema.TRAIN)
    state = run.layer.state()
    first = step(run)
    for data, label in [first] + [step(run) for _ in range(3)]:
        assert np.array_equal(data[:, :1], label)
    run.layer.restore(state)
    assert all(np.array_equal(got, want) for got, want in zip(step(run), first))
    run.layer.close()


def test_labels_are_resized_without_new_values(images):
    run = make_layer(dense_layer("batch_size: 1 new_height: 3 new_width: 10"), [])
    data, label = step(run)
    assert data.shape == (1, 3, 3, 10)
    assert np.array_equal(label[0, 0], images[0, 0][[0, 2, 4]][:, [0, 0, 1, 1, 2, 2, 3, 3, 4, 4]])
    run.layer.close()


def test_a_pair_at_a_time_of_several_sizes(images, tmp_path):
    for name in ("1.png", "1l.png"):
        Image.fromarray(np.zeros((4, 9), np.uint8)).save(tmp_path / name)
    run = make_layer(dense_layer("batch_size: 1"), [])
    assert [step(run)[1].shape for _ in range(3)] == [(1, 1, 7, 5), (1, 1, 4, 9), (1, 1, 7, 5)]
    run.layer.close()


def failure(text):
    with pytest.raises(NetdefError) as caught:
        make_layer(text, []).layer.close()
    return caught.value.message, caught.value.field


def test_errors(images, tmp_path):
    assert failure(dense_layer("new_height: 3")) == (
        "has new_height but no new_width; images are resized to both or not at all. Add new_width.",
        "dense_image_data_param.new_height",
    )
    Image.fromarray(np.zeros((4, 9), np.uint8)).save(tmp_path / "0l.png")
    assert failure(dense_layer())[0] == (
        'label image "0l.png" is 9 wide and 4 high, but its image "0.png" is 5 wide and 7 high; they must agree. '
        "Correct the list, or set new_height and new_width."
    )
    field = "dense_image_data_param.source"
    (tmp_path / "list.txt").write_text("a b c")
    assert failure(dense_layer()) == (
        'image list "list.txt" has 3 names; expected pairs, an image and its label image. The last is "c". '
        "Add its label image; names must not hold blanks.",
        field,
    )
    (tmp_path / "list.txt").write_text("")
    assert failure(dense_layer()) == (
        'image list "list.txt" is empty; expected a line "image label-image" for each image. Fill it.',
        field,
    )
