"""Event files: records, checksums, messages."""

from __future__ import annotations

import struct

import numpy as np
import pytest

from netdef.report import events
from tests.support.event_files import CLASSES, crc32c, read_events


def test_checksum_of_the_standard():
    """RFC 3720, appendix B.4, and the value that every implementation is tried with."""
    assert events.crc32c(b"123456789") == 0xE3069283
    assert events.crc32c(bytes(32)) == 0x8A9136AA
    assert events.crc32c(bytes(range(32))) == 0x46DD794E
    assert events.crc32c(b"") == 0


@pytest.mark.parametrize("data", [b"", b"a", bytes(range(251)) * 3])
def test_checksum_bit_by_bit(data):
    assert events.crc32c(data) == crc32c(data)


def test_a_record_byte_for_byte():
    """As TensorFlow writes ``b"abc"``: length, its masked checksum, content, its masked checksum."""
    written = events.record(b"abc")
    assert written[:8] == struct.pack("<Q", 3) and written[12:15] == b"abc" and len(written) == 19
    assert struct.unpack_from("<I", written, 15) == (events.masked_crc(b"abc"),)
    assert events.masked_crc(b"123456789") == ((0xE3069283 >> 15 | 0xE3069283 << 17) + 0xA282EAD8) % 2**32


def summary_of(value: bytes):
    (found,) = CLASSES["Event"].FromString(events.summary([value])).summary.value
    return found


def test_scalar():
    value = summary_of(events.scalar("train/loss", -0.25))
    assert (value.tag, value.simple_value) == ("train/loss", -0.25)


def test_histogram_adds_up():
    values = np.random.default_rng(7).normal(size=(3, 5, 4))
    histogram = summary_of(events.histogram("conv1/0", values)).histo
    assert (histogram.min, histogram.max, histogram.num) == (values.min(), values.max(), 60)
    assert histogram.sum == pytest.approx(values.sum())
    assert histogram.sum_squares == pytest.approx((values**2).sum())
    limits, counts = np.array(histogram.bucket_limit), np.array(histogram.bucket)
    assert len(limits) == len(counts) == events.BINS
    assert counts.sum() == 60 and limits[-1] == values.max() and np.all(np.diff(limits) > 0)
    below = [np.count_nonzero(values < limit) for limit in limits[:-1]]
    assert list(np.cumsum(counts)[:-1]) == below


@pytest.mark.parametrize(
    ("values", "least", "greatest", "number"),
    [([2.5, 2.5, 2.5], 2.5, 2.5, 3), ([], 0, 0, 0), ([np.nan, np.inf, 1.0], 1, 1, 1)],
)
def test_histogram_of_few_values(values, least, greatest, number):
    histogram = summary_of(events.histogram("b", np.array(values, np.float32))).histo
    assert (histogram.min, histogram.max, histogram.num) == (least, greatest, number)
    assert (list(histogram.bucket_limit), list(histogram.bucket)) == ([greatest], [number])


def test_image():
    value = summary_of(events.image("data/0", b"png", 5, 7, 3))
    image = value.image
    assert (value.tag, image.height, image.width, image.colorspace) == ("data/0", 5, 7, 3)
    assert image.encoded_image_string == b"png"


def test_a_file(tmp_path):
    file = events.EventFile(tmp_path)
    file.add(events.session_start(), 300)
    file.add(events.summary([events.scalar("loss", 2.0)]), 300)
    found = read_events(file.path)  # before it is closed: every event is handed over at once
    file.close()
    assert [event.step for event in found] == [0, 300, 300]
    assert (found[0].file_version, found[1].session_log.status) == ("brain.Event:2", 1)
    assert found[0].wall_time <= found[1].wall_time <= found[2].wall_time


def test_a_second_file_of_the_same_second_sorts_behind(tmp_path, monkeypatch):
    monkeypatch.setattr(events.time, "time", lambda: 1234567.5)
    paths = [events.EventFile(tmp_path) for _ in range(3)]
    for file in paths:
        file.close()
    names = [file.path for file in paths]
    assert names == sorted(set(names))
    assert "events.out.tfevents.0001234567." in names[0]


def test_a_cut_off_record_leaves_the_others(tmp_path):
    file = events.EventFile(tmp_path)
    for step in range(3):
        file.add(events.summary([events.scalar("loss", step)]), step)
    file.close()
    content = (tmp_path / file.path).read_bytes()
    for size in (len(content) - 1, len(content) - 20, len(content) - 38):
        (tmp_path / "cut").write_bytes(content[:size])
        assert [event.step for event in read_events(tmp_path / "cut", torn=True)] == [0, 0, 1]
