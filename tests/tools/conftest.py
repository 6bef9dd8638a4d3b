"""A runner that calls the command in-process and hands back its status and whole output."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from tools.main import main


@dataclass(frozen=True)
class Result:
    """What one run of the command left: its exit status and all that it printed."""

    status: int
    out: str
    err: str


@pytest.fixture
def run(capsys, monkeypatch, tmp_path):
    """``run("train", "--solver", path)`` in an empty working folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("NETDEF_TRACEBACK", raising=False)

    def call(*words) -> Result:
        capsys.readouterr()
        status = main([str(word) for word in words])
        captured = capsys.readouterr()
        return Result(status, captured.out, captured.err)

    return call
