"""Databases by the name of their kind."""

from __future__ import annotations

import pytest

from netdef.data.database import create_database, open_database
from netdef.errors import UsageError


@pytest.mark.parametrize("backend, kind", [("lmdb", "LMDB"), ("LMDB", "LMDB"), ("leveldb", "LevelDB")])
def test_writing_and_reading(tmp_path, backend, kind):
    if kind == "LevelDB":
        pytest.importorskip("plyvel")
    with create_database(tmp_path / "db", backend) as writer:
        writer.put("key", b"record")
    for given in (backend, None):
        with open_database(tmp_path / "db", given) as source:
            assert (source.kind, bytes(source.first())) == (kind, b"record")


def test_another_kind(tmp_path):
    for call in (open_database, create_database):
        with pytest.raises(UsageError) as caught:
            call(tmp_path, "sqlite")
        assert str(caught.value) == 'unknown database backend "sqlite"; expected lmdb or leveldb.'
