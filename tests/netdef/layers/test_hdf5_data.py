import gc
import threading

import h5py
import numpy as np
import pytest

from netdef.data.hdf5_list import read_datasets
from netdef.errors import DataError, LayerError, NetdefError
from netdef.net import Net
from prototxt import parse_net, schema
from tests.support.nets import make_layer


@pytest.fixture(autouse=True)
def no_thread_is_left():
    yield
    gc.collect()
    assert not [thread for thread in threading.enumerate() if thread.name == "netdef-prefetch"]


def write(path, first, count, **more):
    """``count`` rows: "data" (2, 3) of 10 * row + 0 … 5, "label" (row,), "number" int8 row."""
    rows = np.arange(first, first + count)
    data = {
        "data": (10.0 * rows[:, None, None] + np.arange(6).reshape(2, 3)).astype(np.float64),
        "label": rows[:, None].astype(np.float32),
        "number": rows.astype(np.int8),
        **more,
    }
    with h5py.File(path, "w") as file:
        for name, values in data.items():
            file[name] = values


@pytest.fixture
def files(tmp_path, monkeypatch):
    """Files of 3 and 4 rows, 0 to 6, and their list."""
    monkeypatch.chdir(tmp_path)
    write("a.h5", 0, 3)
    write("b.h5", 3, 4)
    (tmp_path / "list.txt").write_text("a.h5\nb.h5\n")
    return tmp_path


def hdf5_layer(more="batch_size: 2", tops=("data", "label", "number"), extra="", source="list.txt"):
    names = " ".join(f'top: "{name}"' for name in tops)
    return f'name: "d" type: "HDF5Data" {names} hdf5_data_param {{ source: "{source}" {more} }} {extra}'


def step(run):
    run.layer.forward(run.bottom, run.top)
    return [blob.data.copy() for blob in run.top]


def build(text, phase=schema.TRAIN, **options):
    return make_layer(text, [], phase, tops=text.count(" top:"), **options)


def test_recorded_batches(recorded_dir, monkeypatch):
    recorded = np.load(recorded_dir / "data" / "batches.npz")
    monkeypatch.chdir(recorded_dir / "data")
    run = make_layer(str(recorded["hdf5/prototxt"]), [], schema.TEST)
    for number in range(4):
        for name, values in zip(("data", "label", "extra"), step(run)):
            assert np.array_equal(values, recorded[f"hdf5/{number}/{name}"])
    run.layer.close()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_rows_run_on_over_files_and_epochs(files, dtype):
    run = build(hdf5_layer("batch_size: 5"), dtype=dtype)
    assert [blob.shape for blob in run.top] == [(5, 2, 3), (5, 1), (5,)]
    told = []
    run.layer.on_restart = lambda: told.append(True)
    for rows in ([0, 1, 2, 3, 4], [5, 6, 0, 1, 2], [3, 4, 5, 6, 0]):
        data, label, number = step(run)
        assert data.dtype == number.dtype == dtype
        assert number.tolist() == rows and label[:, 0].tolist() == rows
        assert data[:, 1, 2].tolist() == [10 * row + 5 for row in rows]
    assert told == [True, True]
    run.layer.close()


def test_one_file(files):
    (files / "list.txt").write_text("a.h5")
    run = build(hdf5_layer("batch_size: 4", ["number"]))
    assert [step(run)[0].tolist() for _ in range(2)] == [[0, 1, 2, 0], [1, 2, 0, 1]]
    run.layer.close()


def test_shuffling_changes_files_and_rows_but_mixes_no_files(files):
    run = build(hdf5_layer("batch_size: 7 shuffle: true", ["number"]), seed=2)
    epochs = [step(run)[0].tolist() for _ in range(8)]
    run.layer.close()
    assert all(sorted(epoch) == list(range(7)) for epoch in epochs)
    assert {frozenset(epoch[:3]) >= {0, 1, 2} for epoch in epochs} == {True, False}
    assert len({tuple(epoch) for epoch in epochs}) > 4


@pytest.mark.parametrize("before", [0, 1, 3, 5])
@pytest.mark.parametrize("shuffle", ["true", "false"])
def test_resume_is_exact(files, before, shuffle):
    text = hdf5_layer(f"batch_size: 2 shuffle: {shuffle}", ["data", "number"], "transform_param { mirror: true }")
    run = build(text, seed=1)
    for _ in range(before):
        step(run)
    state = run.layer.state()
    expected = [step(run) for _ in range(6)]
    other = build(text, seed=2)
    step(other)
    for again in (other, run):
        again.layer.restore(state)
        for values in expected:
            assert all(np.array_equal(got, want) for got, want in zip(step(again), values))
        again.layer.close()


def test_resuming_with_other_files(files):
    run = build(hdf5_layer())
    step(run)
    state = run.layer.state()
    run.layer.close()
    write("a.h5", 0, 5)
    other = build(hdf5_layer())
    with pytest.raises(DataError) as caught:
        other.layer.restore(state)
    assert caught.value.message == (
        'HDF5 file "a.h5" has 5 items, but had 3 when the snapshot was made; expected what was read then. '
        "Name that one, or start without the snapshot."
    )


TRANSFORMS = [
    ("scale: 0.5 mean_value: 2", (2, 4, 3), lambda rows: (rows - 2) * 0.5),
    ("mean_value: 2 mean_value: 7", (2, 3), lambda rows: rows - np.array([[2], [7]])),
    ("scale: 2", (2,), lambda rows: rows * 2),
    ("scale: 2", (), lambda rows: rows * 2),
    ("scale: 2", (2, 3, 4, 5), lambda rows: rows * 2),
    ("crop_size: 2", (2, 4, 3), lambda rows: rows[:, :, 1:3, 0:2]),
]


@pytest.mark.parametrize("transform, shape, expected", TRANSFORMS)
def test_transform_of_the_first_top(files, rng, transform, shape, expected):
    images = rng.normal(size=(3, *shape)).astype(np.float32)
    write("a.h5", 0, 3, images=images)
    (files / "list.txt").write_text("a.h5")
    text = hdf5_layer("batch_size: 3", ["images", "label"], f"transform_param {{ {transform} }}")
    run = build(text, schema.TEST)
    shapes = [blob.shape for blob in run.top]
    values, label = step(run)
    run.layer.close()
    np.testing.assert_allclose(values, expected(images), rtol=1e-6)
    assert label[:, 0].tolist() == [0, 1, 2] and shapes == [values.shape, (3, 1)]


def test_crop_of_rows_that_are_no_images(files):
    with pytest.raises(LayerError) as caught:
        build(hdf5_layer("batch_size: 3", ["label"], "transform_param { crop_size: 1 }"))
    assert (caught.value.message, caught.value.field) == (
        'crop_size is set, but rows of dataset "label" have shape (1,); expected images, (channels, height, width). '
        "Take crop_size away.",
        "transform_param.crop_size",
    )


def test_padding_of_images_and_of_rows_that_are_none(files):
    write("images.h5", 0, 3, image=np.ones((3, 2, 4, 5)))
    (files / "images.txt").write_text("images.h5\n")
    run = build(hdf5_layer("batch_size: 3", ["image"], "transform_param { pad: 2 }", "images.txt"))
    assert [blob.shape for blob in run.top] == [(3, 2, 8, 9)]
    (values,) = step(run)
    run.layer.close()
    assert values[:, :, 2:6, 2:7].all() and values.sum() == 3 * 2 * 4 * 5
    with pytest.raises(LayerError) as caught:
        build(hdf5_layer("batch_size: 3", ["label"], "transform_param { pad: 1 }"))
    assert (caught.value.message, caught.value.field) == (
        'pad is set, but rows of dataset "label" have shape (1,); expected images, (channels, height, width). '
        "Take pad away.",
        "transform_param.pad",
    )


def failure(text):
    with pytest.raises(NetdefError) as caught:
        build(text).layer.close()
    return caught.value.message, caught.value.field


def test_lists_that_cannot_be_used(files):
    (files / "empty.txt").write_text(" \n")
    field = "hdf5_data_param.source"
    assert failure(hdf5_layer("batch_size: 0")) == (
        "batch_size is 0 or missing; expected at least 1. Set it.",
        "hdf5_data_param.batch_size",
    )
    assert failure(hdf5_layer(source="none.txt")) == (
        'list of HDF5 files "none.txt" does not exist. Create it or correct the path.',
        field,
    )
    assert failure(hdf5_layer(source="empty.txt")) == (
        'list of HDF5 files "empty.txt" is empty; expected a file\'s name on each line. Fill it.',
        field,
    )
    assert failure(hdf5_layer(source="a.h5"))[1] == field


def test_files_that_cannot_be_used(files):
    (files / "bad.h5").write_text("not HDF5")
    write("words.h5", 0, 2, words=["a", "b"], other=np.zeros((3, 1)), empty=np.zeros((0, 2)))
    for name in ("none", "bad", "words"):
        (files / f"{name}.txt").write_text(f"{name}.h5")
    assert (
        failure(hdf5_layer(source="none.txt"))[0] == 'HDF5 file "none.h5" does not exist. Correct its name in the list.'
    )
    assert failure(hdf5_layer(source="bad.txt"))[0] == (
        'HDF5 file "bad.h5" cannot be read: it is damaged or no HDF5. Make it again.'
    )
    assert failure(hdf5_layer(tops=["image"]))[0] == (
        'HDF5 file "a.h5" has no dataset "image"; each top names one. It has "data", "label", "number". '
        "Rename the top or the dataset."
    )
    assert failure(hdf5_layer(tops=["words"], source="words.txt"))[0] == (
        'dataset "words" of HDF5 file "words.h5" holds object; expected whole numbers or floats. Convert it.'
    )
    assert failure(hdf5_layer(tops=["empty"], source="words.txt"))[0] == (
        'dataset "empty" of HDF5 file "words.h5" has shape (0, 2); expected rows on a first axis. Give it at least one.'
    )
    assert failure(hdf5_layer(tops=["data", "other"], source="words.txt"))[0] == (
        'HDF5 file "words.h5" has 2 rows in "data" and 3 in "other"; the numbers must agree. Make the file again.'
    )


def test_a_later_file_of_another_shape_stops_the_run_in_its_turn(files):
    write("b.h5", 3, 4, label=np.zeros((4, 2)))
    net = Net(parse_net(f"layer {{ {hdf5_layer('batch_size: 3')} }}", "a.prototxt"), schema.TRAIN)
    net.run()
    with pytest.raises(NetdefError) as caught:
        net.run()
    net.close()
    assert caught.value.sentence() == (
        'a.prototxt:1:1: layer "d" (HDF5Data): rows of dataset "label" have shape (2,) in HDF5 file "b.h5"; (1,) was '
        "expected, as in the file before it. Make all files alike."
    )


def test_bits_that_fell_over(tmp_path):
    """Damage where today's HDF5 keeps its object table, names and types: values or the DataError, nothing else."""
    write(tmp_path / "whole.h5", 0, 3)
    whole = (tmp_path / "whole.h5").read_bytes()
    refused = 0
    for offset in [*range(100, 130), *range(700, 740), *range(880, 900), *range(1460, 1480)]:
        damaged = bytearray(whole)
        damaged[offset] ^= 1
        (tmp_path / "damaged.h5").write_bytes(damaged)
        try:
            read_datasets(str(tmp_path / "damaged.h5"), ["data", "number"], np.float32)
        except DataError:
            refused += 1
    assert refused > 10
