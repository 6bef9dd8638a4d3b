import numpy as np
import pytest

from netdef.data import loader as module
from netdef.data.datum import encode_datum
from netdef.data.lmdb_source import LmdbSource
from netdef.data.loader import Batch, DatumLoader
from netdef.data.transformer import DataTransformer
from netdef.errors import DataError, LayerError
from netdef.random import Stream
from prototxt import parse, schema
from tests.support.databases import pictures, write_lmdb, write_records


def make(path, text="", phase=schema.TEST, seed=1):
    param = parse(text, schema.TransformationParameter).message
    return DatumLoader(LmdbSource(path), DataTransformer(param, phase, Stream(seed)))


def fill(loader, size):
    batch = Batch(size, np.float32)
    loader.fill(batch)
    return batch


@pytest.mark.parametrize("chunk_bytes", [1, 300, 2**18])
def test_batches_in_chunks_of_any_size(tmp_path, monkeypatch, chunk_bytes):
    monkeypatch.setattr(module, "CHUNK_BYTES", chunk_bytes)
    images = pictures(5)
    write_lmdb(tmp_path / "db", images)
    loader = make(tmp_path / "db", "crop_size: 3 scale: 0.5")
    assert loader.record_shape() == (3, 3, 3)
    for start in (0, 7, 14):
        batch = fill(loader, 7)
        order = [(start + i) % 5 for i in range(7)]
        assert np.array_equal(batch.data, images[order][:, :, 2:5, 1:4] * np.float32(0.5))
        assert np.array_equal(batch.labels, order)
        assert batch.restarts == (start + 6) // 5


@pytest.mark.parametrize("distortion", ["", " pad: 1 affine_param { rotation: 9 shift: 1 }"])
def test_chunks_and_single_images_draw_alike(tmp_path, monkeypatch, distortion):
    write_lmdb(tmp_path / "bytes", pictures(9))
    write_lmdb(tmp_path / "floats", pictures(9).astype(np.float32))
    text = "crop_size: 3 mirror: true" + distortion
    expected = fill(make(tmp_path / "bytes", text, schema.TRAIN), 9)
    assert np.array_equal(fill(make(tmp_path / "floats", text, schema.TRAIN), 9).data, expected.data)
    monkeypatch.setattr(module, "CHUNK_BYTES", 1)
    single = fill(make(tmp_path / "bytes", text, schema.TRAIN), 9)
    assert np.array_equal(single.data, expected.data)
    assert single.state == expected.state


def test_images_of_several_sizes_are_cropped_to_one(tmp_path):
    images = [pictures(1)[0], pictures(1, height=9)[0], pictures(1, width=8)[0]]
    write_lmdb(tmp_path / "db", images)
    batch = fill(make(tmp_path / "db", "crop_size: 5"), 3)
    assert np.array_equal(batch.data[1], images[1][:, 2:7])
    assert np.array_equal(batch.data[2], images[2][:, 1:6, 1:6])


def test_each_batch_may_have_its_own_shape(tmp_path):
    images = [pictures(1)[0], pictures(1, height=9)[0]]
    write_lmdb(tmp_path / "db", images)
    loader = make(tmp_path / "db")
    batch = Batch(1, np.float32)
    for image in images * 2:
        loader.fill(batch)
        assert np.array_equal(batch.data[0], image)


def test_memory_is_reused(tmp_path):
    write_lmdb(tmp_path / "db", pictures(5))
    loader, batch = make(tmp_path / "db"), Batch(2, np.float32)
    loader.fill(batch)
    address = batch.data.ctypes.data
    loader.fill(batch)
    assert batch.data.ctypes.data == address


@pytest.mark.parametrize("taken", [0, 1, 3, 5])
def test_restore_repeats_what_came_after_a_state(tmp_path, taken):
    write_lmdb(tmp_path / "db", pictures(5))
    first = make(tmp_path / "db", "mirror: true crop_size: 4", schema.TRAIN)
    for _ in range(taken):
        fill(first, 3)
    other = make(tmp_path / "db", "mirror: true crop_size: 4", schema.TRAIN, seed=2)
    other.restore(first.state())
    for _ in range(4):
        expected, batch = fill(first, 3), fill(other, 3)
        assert np.array_equal(batch.data, expected.data)
        assert np.array_equal(batch.labels, expected.labels)


ANEW = " Make the database anew from its images."


@pytest.mark.parametrize(
    "record, message",
    [
        (b"\xff", "holds 1 bytes that are not a Datum message." + ANEW),
        (
            schema.Datum(channels=3, height=7, width=5, data=b"123").SerializeToString(),
            "holds 3 bytes of data; channels 3 * height 7 * width 5 = 105 were expected." + ANEW,
        ),
        (
            encode_datum(pictures(1, height=8)[0]),
            "becomes (3, 8, 5) (channels, height, width); (3, 7, 5) was expected, as for the first of its batch. "
            "Resize the images to one size, set crop_size, or use batch_size: 1.",
        ),
    ],
)
@pytest.mark.parametrize("chunk_bytes", [1, 2**18])
def test_bad_records_are_named(tmp_path, monkeypatch, chunk_bytes, record, message):
    monkeypatch.setattr(module, "CHUNK_BYTES", chunk_bytes)
    records = [encode_datum(image) for image in pictures(4)]
    records[2] = record
    write_records(tmp_path / "db", records)
    with pytest.raises(DataError) as caught:
        fill(make(tmp_path / "db"), 4)
    assert caught.value.message == f'record 2 (key "00000002") of LMDB "{tmp_path}/db" {message}'


def test_a_bad_first_record_is_found_with_the_shape(tmp_path):
    write_records(tmp_path / "db", [b"junk"])
    with pytest.raises(DataError) as caught:
        make(tmp_path / "db").record_shape()
    assert caught.value.message == (
        f'record 0 (key "00000000") of LMDB "{tmp_path}/db" holds 4 bytes that are not a Datum message.{ANEW}'
    )


def test_a_later_image_smaller_than_the_crop(tmp_path):
    write_lmdb(tmp_path / "db", [pictures(1)[0], pictures(1, height=4)[0]])
    with pytest.raises(LayerError) as caught:
        fill(make(tmp_path / "db", "crop_size: 5"), 2)
    assert caught.value.message == (
        "crop_size is 5 but the images are 4 high and 5 wide; a crop must lie inside the image. "
        "Lower crop_size or use larger images."
    )
