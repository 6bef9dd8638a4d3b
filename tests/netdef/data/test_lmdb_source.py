import os

import lmdb
import pytest

from netdef.data.datum import decode_datum
from netdef.data.lmdb_source import LmdbSource
from netdef.errors import DataError
from tests.support.databases import pictures, write_lmdb, write_records


@pytest.fixture
def database(tmp_path):
    write_lmdb(tmp_path / "db", pictures(5))
    return tmp_path / "db"


def labels(records):
    return [decode_datum(record)[1] for record in records]


def test_records_come_in_order_and_again_from_the_start(database):
    with LmdbSource(database) as source:
        assert (source.entries, source.index, source.restarts) == (5, 0, 0)
        assert labels(source.read(3)) == [0, 1, 2]
        assert labels(source.read(2)) == [3, 4]
        assert source.restarts == 0
        assert labels(source.read(12)) == [0, 1, 2, 3, 4, 0, 1, 2, 3, 4, 0, 1]
        assert (source.index, source.restarts) == (2, 3)


@pytest.mark.parametrize("read", range(12))
def test_seek_goes_on_where_position_was_taken(database, read):
    with LmdbSource(database) as source, LmdbSource(database) as other:
        source.read(read)
        other.read(3)
        other.seek(source.position())
        assert labels(other.read(7)) == labels(source.read(7))


def test_first_and_key_of_leave_the_position(database):
    with LmdbSource(database) as source:
        source.read(2)
        assert labels([source.first()]) == [0]
        assert source.key_of(4) == "00000004"
        assert labels(source.read(1)) == [2]


def test_skip(database):
    with LmdbSource(database) as source:
        source.skip(13)
        assert labels(source.read(1)) == [3]


def test_readers_of_one_database_do_not_disturb_each_other(database):
    first, second = LmdbSource(database), LmdbSource(database)
    first.read(2)
    assert labels(second.read(1)) == [0]
    first.close()
    first.close()
    assert labels(second.read(1)) == [1]
    second.close()
    lmdb.open(str(database), readonly=True, lock=False).close()  # nobody holds it any more


def test_a_reader_that_is_forgotten_lets_go(database):
    LmdbSource(database).read(1)
    lmdb.open(str(database), readonly=True, lock=False).close()


def test_reading_leaves_no_lock_file(database):
    with LmdbSource(database):
        assert sorted(os.listdir(database)) == ["data.mdb"]


def test_seek_in_another_database(database, tmp_path):
    with LmdbSource(database) as source:
        source.read(4)
        position = source.position()
    write_lmdb(tmp_path / "other", pictures(3))
    with LmdbSource(tmp_path / "other") as other, pytest.raises(DataError) as caught:
        other.seek(position)
    assert caught.value.message == (
        f'LMDB "{tmp_path}/other" has 3 records and none at "00000003", where record 4 was read last; expected the '
        "database that the snapshot was made with. Name that one, or start without the snapshot."
    )


def failure(path):
    with pytest.raises(DataError) as caught:
        LmdbSource(path)
    return caught.value.message


def test_missing_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert failure(tmp_path / "no") == (
        f'LMDB "{tmp_path}/no" does not exist; expected a folder with data.mdb. Create it or correct the path.'
    )
    assert failure("no") == (
        f'LMDB "no" does not exist (seen from the working directory "{tmp_path}"); '
        "expected a folder with data.mdb. Create it or correct the path."
    )


def test_a_file_and_folders_that_are_no_lmdb(tmp_path):
    (tmp_path / "file").write_text("x")
    (tmp_path / "empty").mkdir()
    (tmp_path / "level").mkdir()
    (tmp_path / "level" / "CURRENT").write_text("MANIFEST-000001\n")
    assert failure(tmp_path / "file") == (
        f'LMDB "{tmp_path}/file" is a file; expected a folder with data.mdb. Name the folder.'
    )
    assert failure(tmp_path / "empty") == (
        f'"{tmp_path}/empty" holds no data.mdb, so it is no LMDB. Create the database or correct the path.'
    )
    assert failure(tmp_path / "level") == (
        f'"{tmp_path}/level" is a LevelDB; expected an LMDB, a folder with data.mdb. '
        'In a net, set "backend: LEVELDB"; or make an LMDB from the same images with convert_imageset.'
    )


@pytest.mark.parametrize("size", [8192, 20000])
def test_truncated_file(tmp_path, size):
    write_lmdb(tmp_path / "db", pictures(40, height=40, width=30))
    path = tmp_path / "db" / "data.mdb"
    whole = path.stat().st_size
    os.truncate(path, size)
    assert failure(tmp_path / "db") == (
        f'LMDB "{tmp_path}/db" is truncated: data.mdb has {size} bytes and refers to {whole}. '
        "Make or copy the database again."
    )


@pytest.mark.parametrize(
    "content, reason", [(b"", "Bad file descriptor"), (b"hello" * 2000, "File is not an LMDB file")]
)
def test_foreign_file(tmp_path, content, reason):
    (tmp_path / "data.mdb").write_bytes(content)
    assert failure(tmp_path) == (
        f'LMDB "{tmp_path}" cannot be opened: data.mdb is damaged or not an LMDB ({reason}). '
        "Make or copy the database again."
    )


def test_a_file_that_is_no_whole_number_of_pages(tmp_path):
    write_lmdb(tmp_path / "db", pictures(3))
    path = tmp_path / "db" / "data.mdb"
    content = path.read_bytes()
    path.write_bytes(content[:9000] + b"123456789" + content[9000:])
    assert failure(tmp_path / "db") == (
        f'LMDB "{tmp_path}/db" is damaged: data.mdb has {len(content) + 9} bytes, 9 more than whole pages of 4096. '
        "Make or copy the database again."
    )


def test_damaged_pages(tmp_path):
    write_lmdb(tmp_path / "db", pictures(40, height=40, width=30))
    path = tmp_path / "db" / "data.mdb"
    content = bytearray(path.read_bytes())
    for page in range(2, len(content) // 4096):
        content[page * 4096 + 10 : page * 4096 + 16] = b"\xff" * 6  # its kind and its free space
    path.write_bytes(content)
    found = ("Located page was wrong type", "Requested page not found")  # of newer and older liblmdb
    assert failure(tmp_path / "db") in [
        f'LMDB "{tmp_path}/db" is damaged ({reason}). Make or copy the database again.' for reason in found
    ]


def test_empty_database(tmp_path):
    write_records(tmp_path / "db", [])
    assert failure(tmp_path / "db") == (
        f'LMDB "{tmp_path}/db" is empty; expected at least one record. Fill it or name another one.'
    )
