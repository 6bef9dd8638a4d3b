import os
import resource
import subprocess
import sys

import lmdb
import pytest

from netdef.data.lmdb_writer import LmdbWriter
from netdef.errors import DataError
from tests.support.databases import pictures, write_lmdb, write_records


def contents(path):
    with lmdb.open(str(path), readonly=True, lock=False) as environment, environment.begin() as transaction:
        return [(bytes(key), bytes(value)) for key, value in transaction.cursor()]


def test_records_are_there_in_the_order_of_their_keys(tmp_path):
    with LmdbWriter(tmp_path / "db") as writer:
        writer.put("00000001", b"second")
        writer.put(b"00000000", b"first")
        assert writer.count == 2
    assert contents(tmp_path / "db") == [(b"00000000", b"first"), (b"00000001", b"second")]
    assert os.listdir(tmp_path) == ["db"]
    assert os.listdir(tmp_path / "db") == ["data.mdb"]


def test_many_records_outgrow_the_first_map(tmp_path):
    write_records(tmp_path / "db", [bytes(12000) for _ in range(1500)])
    assert len(contents(tmp_path / "db")) == 1500


def test_nothing_stands_there_before_the_end_nor_after_an_error(tmp_path):
    with pytest.raises(KeyError), LmdbWriter(tmp_path / "db") as writer:
        writer.put("0", b"x")
        assert not (tmp_path / "db").exists()
        raise KeyError
    assert os.listdir(tmp_path) == []


def test_an_existing_database_is_kept_unless_asked(tmp_path):
    write_records(tmp_path / "db", [b"old"])
    with pytest.raises(DataError) as caught:
        LmdbWriter(tmp_path / "db")
    assert caught.value.message == (
        f'LMDB "{tmp_path}/db" exists already. Remove it, choose another place, or ask to overwrite.'
    )
    with pytest.raises(KeyError), LmdbWriter(tmp_path / "db", overwrite=True):
        raise KeyError
    assert contents(tmp_path / "db") == [(b"00000000", b"old")]
    with LmdbWriter(tmp_path / "db", overwrite=True) as writer:
        writer.put("1", b"new")
    assert contents(tmp_path / "db") == [(b"1", b"new")]
    assert os.listdir(tmp_path) == ["db"]


def test_what_is_no_database_is_never_overwritten(tmp_path):
    (tmp_path / "work").mkdir()
    (tmp_path / "work" / "thesis.txt").write_text("years")
    with pytest.raises(DataError) as caught:
        LmdbWriter(tmp_path / "work", overwrite=True)
    assert caught.value.message == f'"{tmp_path}/work" exists and is no LMDB. Choose another place, or move it away.'


def test_an_empty_folder_is_filled(tmp_path):
    (tmp_path / "db").mkdir()
    write_lmdb(tmp_path / "db", pictures(2))
    assert len(contents(tmp_path / "db")) == 2


def test_missing_parent(tmp_path):
    with pytest.raises(DataError) as caught:
        LmdbWriter(tmp_path / "no" / "db")
    assert caught.value.message == (
        f'LMDB "{tmp_path}/no/db" cannot be created: No such file or directory. '
        "Its parent folder must exist and be writable; create it or choose another place."
    )


def test_full_disk(tmp_path):
    program = (
        "from tests.support.databases import write_records\n"
        "from netdef.errors import DataError\n"
        "try:\n"
        f"    write_records({str(tmp_path / 'db')!r}, [bytes(3000)] * 1200)\n"
        "except DataError as error:\n"
        "    print(error.message)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (2**20, 2**20)),
        check=True,
    )
    assert done.stdout == (
        f'LMDB "{tmp_path}/db" cannot be written after 1000 records: Input/output error. '
        "Make room on the disk or choose another place.\n"
    )
    assert os.listdir(tmp_path) == []
