import sys

import numpy as np
import pytest

from netdef.blob import Blob
from netdef.data.datum import decode_datum
from netdef.data.level_source import LevelSource
from netdef.errors import DataError
from netdef.net import Net
from prototxt import parse_net, schema
from tests.support.databases import pictures, write_level


@pytest.fixture
def source(tmp_path):
    write_level(tmp_path / "db", pictures(5))
    return tmp_path / "db"


def labels(records):
    return [decode_datum(record)[1] for record in records]


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_records_come_in_order_and_again(source):
    with LevelSource(source) as reader:
        assert reader.entries == 5
        assert labels(reader.read(3)) == [0, 1, 2]
        assert labels([reader.first()]) == [0]
        assert (reader.index, reader.restarts) == (3, 0)
        assert labels(reader.read(9)) == [3, 4, 0, 1, 2, 3, 4, 0, 1]
        assert (reader.index, reader.restarts) == (2, 2)
        reader.skip(12)
        assert labels(reader.read(1)) == [4]
        assert reader.key_of(3) == "00000003"


@pytest.mark.parametrize("before", [0, 1, 5, 7])
def test_seek(source, before):
    with LevelSource(source) as reader, LevelSource(source) as other:
        reader.read(before)
        other.read(3)
        other.seek(reader.position())
        assert labels(other.read(4)) == labels(reader.read(4))
        assert other.index == reader.index


def test_seek_in_another_database(source, tmp_path):
    write_level(tmp_path / "small", pictures(2))
    with LevelSource(source) as reader, LevelSource(tmp_path / "small") as other:
        reader.read(4)
        with pytest.raises(DataError) as caught:
            other.seek(reader.position())
    assert caught.value.message == (
        f'LevelDB "{tmp_path}/small" has no record "00000003", which was read last; expected the database that the '
        "snapshot was made with. Name that one, or start without the snapshot."
    )


def test_the_database_stays_as_it_is_and_nothing_is_left(source, tmp_path, monkeypatch):
    before = contents(source)
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    with LevelSource(source) as reader:
        reader.read(7)
    reader.close()
    assert contents(source) == before
    assert not list(folder.iterdir())


def test_two_nets_read_one_database(source):
    text = f'layer {{ name: "d" type: "Data" top: "data" top: "l" data_param {{ source: "{source}" batch_size: 2 }} }}'
    with Net(parse_net(text), schema.TRAIN) as train, Net(parse_net(text), schema.TEST) as test:
        for net in (train, test):
            net.run()
            assert isinstance(net.blobs["data"], Blob)
            assert np.array_equal(net.blobs["data"].data, pictures(5)[:2])


def failure(path):
    with pytest.raises(DataError) as caught:
        LevelSource(path)
    return caught.value.message


def test_what_is_no_database(tmp_path):
    write_level(tmp_path / "empty", [])
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").write_text("x")
    assert failure(tmp_path / "none") == (
        f'LevelDB "{tmp_path}/none" does not exist; expected a folder. Create it or correct the path.'
    )
    assert failure(tmp_path / "file") == f'LevelDB "{tmp_path}/file" is a file; expected a folder. Name the folder.'
    assert failure(tmp_path / "folder") == (
        f'"{tmp_path}/folder" holds no file CURRENT, so it is no LevelDB. Create the database or correct the path.'
    )
    assert failure(tmp_path / "empty") == (
        f'LevelDB "{tmp_path}/empty" is empty; expected at least one record. Fill it or name another one.'
    )


def test_a_damaged_database(source):
    next(source.glob("MANIFEST-*")).write_bytes(b"")
    message = failure(source)
    assert message.startswith(f'LevelDB "{source}" is damaged (')
    assert message.endswith("). Make or copy the database again.")


def test_without_the_package(source, monkeypatch):
    monkeypatch.setitem(sys.modules, "plyvel", None)
    assert failure(source) == (
        "reading a LevelDB needs the package plyvel, which is not installed. Install it "
        "(pip install netdef-caffe[leveldb]), or make an LMDB from the same images and set backend: LMDB."
    )
