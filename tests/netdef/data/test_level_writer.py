"""LevelDBs that are written: read back, whole or not at all, never over something else."""

from __future__ import annotations

import sys

import pytest

pytest.importorskip("plyvel")

from netdef.data.level_source import LevelSource  # noqa: E402
from netdef.data.level_writer import LevelWriter  # noqa: E402
from netdef.errors import DataError  # noqa: E402


def test_what_is_written_is_read(tmp_path):
    with LevelWriter(tmp_path / "db") as writer:
        for index in (2, 0, 1):
            writer.put(f"{index:03d}", bytes([index]) * 5)
    assert writer.count == 3
    with LevelSource(tmp_path / "db") as source:
        assert source.read(3) == [bytes([index]) * 5 for index in range(3)]


def test_an_error_leaves_nothing(tmp_path):
    with pytest.raises(ZeroDivisionError):
        with LevelWriter(tmp_path / "db") as writer:
            writer.put("a", b"b")
            1 / 0  # noqa: B018
    assert list(tmp_path.iterdir()) == []


def test_overwriting_is_asked_for(tmp_path):
    for value in (b"1", b"2"):
        with LevelWriter(tmp_path / "db", overwrite=value == b"2") as writer:
            writer.put("a", value)
    with LevelSource(tmp_path / "db") as source:
        assert source.first() == b"2"
    with pytest.raises(DataError) as caught:
        LevelWriter(tmp_path / "db")
    assert str(caught.value) == (
        f'LevelDB "{tmp_path}/db" exists already. Remove it, choose another place, or ask to overwrite.'
    )
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "file").write_text("")
    with pytest.raises(DataError) as caught:
        LevelWriter(tmp_path / "other", overwrite=True)
    assert str(caught.value) == (f'"{tmp_path}/other" exists and is no LevelDB. Choose another place, or move it away.')


def test_a_place_that_is_not_there(tmp_path):
    with pytest.raises(DataError) as caught:
        LevelWriter(tmp_path / "none" / "db")
    assert str(caught.value) == (
        f'LevelDB "{tmp_path}/none/db" cannot be created: No such file or directory. '
        "Its parent folder must exist and be writable; create it or choose another place."
    )


def test_without_plyvel(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "plyvel", None)
    with pytest.raises(DataError, match="^writing a LevelDB needs the package plyvel, which is not installed"):
        LevelWriter(tmp_path / "db")
