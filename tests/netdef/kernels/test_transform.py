import numpy as np
import pytest

from netdef.kernels import transform as kernels
from netdef.random import Stream
from prototxt import schema
from tests.naive.transform import transform, varint


def parse(records):
    buffer = np.frombuffer(b"".join(records), np.uint8)
    fields = np.full((len(records), kernels.FIELD_COUNT), -9, np.int64)
    kernels.parse_datums(buffer, np.cumsum([len(record) for record in records]), fields)
    return buffer, fields


def test_parse_datums_finds_what_protobuf_finds():
    datums = [
        schema.Datum(channels=1, height=2, width=3, data=b"abcdef", label=7),
        schema.Datum(channels=3, height=300, width=1, data=bytes(range(256)) * 3 + bytes(132), label=-1),
        schema.Datum(height=5, label=2**31 - 1, encoded=False),
        schema.Datum(channels=1, height=1, width=2, float_data=[1, 2], label=3),
        schema.Datum(data=b"\x89PNG", encoded=True, label=4),
    ]
    buffer, fields = parse([datum.SerializeToString() for datum in datums])
    for datum, row in zip(datums, fields, strict=True):
        start = row[kernels.DATA_START]
        assert buffer[start : start + row[kernels.DATA_LENGTH]].tobytes() == datum.data
        assert row[[kernels.CHANNELS, kernels.HEIGHT, kernels.WIDTH]].tolist() == [
            datum.channels,
            datum.height,
            datum.width,
        ]
        assert row[kernels.LABEL] == datum.label
    assert fields[:, kernels.KIND].tolist() == [kernels.RAW] * 3 + [kernels.OTHER] * 2


def test_parse_datums_takes_the_last_of_repeated_fields_and_skips_unknown_ones():
    datum = schema.Datum(channels=1, height=1, width=1, data=b"x", label=3).SerializeToString()
    unknown = b"".join(
        [
            varint(99 << 3 | 0) + varint(-5),
            varint(98 << 3 | 1) + bytes(8),
            varint(97 << 3 | 2) + varint(3) + b"abc",
            varint(96 << 3 | 5) + bytes(4),
        ]
    )
    _, fields = parse([datum + unknown + varint(5 << 3) + varint(8)])
    assert fields[0, kernels.LABEL] == 8
    assert fields[0, kernels.KIND] == kernels.RAW


@pytest.mark.parametrize(
    "record",
    [
        b"\x08",  # a field without its number
        b"\x22\x05abc",  # 5 bytes announced, 3 there
        b"\x08" + b"\xff" * 10 + b"\x01",  # a number of 11 bytes
        b"\x00\x01",  # field number 0
        b"\x0b",  # a group: no Datum has one
        b"\x09abc",  # 8 bytes announced, 3 there
        b"\xff",
        b"\x22" + varint(-1),
        b"\x62" + varint(50) + b"a",
    ],
)
def test_parse_datums_marks_what_is_no_datum(record):
    _, fields = parse([record])
    assert fields[0, kernels.KIND] == kernels.MALFORMED


@pytest.mark.parametrize("mean", [None, [3.5, 0.25], "image"])
@pytest.mark.parametrize("kind", [np.uint8, np.float32])
def test_transform_images_equals_its_twin(kind, mean):
    images = np.random.default_rng(3).integers(0, 256, (3, 2, 6, 5)).astype(kind)
    source = images.reshape(-1).copy()
    source.flags.writeable = False
    whole = np.random.default_rng(4).random((2, 6, 5), np.float32) * 100
    means = whole if mean == "image" else np.array(mean or [0, 0], np.float32).reshape(2, 1, 1)
    placements = np.array(
        [[0, 6, 5, 0, 0, 0], [60, 6, 5, 2, 1, 0], [120, 6, 5, 1, 0, 1]], np.int64
    )  # start, height, width, row, column, mirror
    top = np.full((3, 2, 4, 4), np.nan, np.float32)
    kernels.transform_images(source, placements, means, 0.125, top)
    for image, row, got in zip(images, placements, top, strict=True):
        expected = transform(image, 0.125, whole if mean == "image" else mean, 4, row[3:5], row[5])
        assert np.array_equal(got, expected)


def test_draw_placements_draws_as_the_stream_does():
    stream = Stream(5, 2**64 - 4)
    placements = np.zeros((9, kernels.PLACEMENT_COUNT), np.int64)
    placements[:, 1:3] = (11, 7)
    counter = stream.take(45)
    kernels.draw_placements(np.uint64(stream.key), np.uint64(counter), 5, True, 8, 4, placements)
    twin = Stream(5, 2**64 - 4)
    for row in placements:
        mirror, top, left = (int(twin.uniform() * bound) for bound in (2, 4, 4))
        assert row.tolist() == [0, 11, 7, top, left, mirror]
        twin.take(2)
    assert stream.counter == twin.counter


def test_draw_placements_leaves_what_is_not_random():
    placements = np.full((4, kernels.PLACEMENT_COUNT), 7, np.int64)
    kernels.draw_placements(np.uint64(1), np.uint64(0), 3, False, 0, 0, placements)
    assert (placements == 7).all()
