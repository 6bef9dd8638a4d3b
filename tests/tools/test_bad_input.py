"""Every kind of bad input gives one clear message and the right exit status; the table is in ``bad_input/``."""

from __future__ import annotations

import pytest

import solvers.log
from netdef.layer import LAYERS
from tests.tools.bad_input_table import Case, read_tables
from tools.main import COMMANDS

CASES = read_tables()


@pytest.fixture(autouse=True)
def messages_only(monkeypatch):
    """The training log would stand before the message."""
    monkeypatch.setattr(solvers.log, "to_stderr", lambda path=None: solvers.log.Log(None, path))


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.table}: {case.name}")
def test_bad_input(run, tmp_path, case: Case):
    case.lay_out(tmp_path)
    result = run(*case.words)
    message = "\n".join(case.message).replace("{layer types}", ", ".join(LAYERS.names()))
    message = message.replace("{commands}", ", ".join(COMMANDS))
    assert result.err.replace(str(tmp_path), "{here}") == message + "\n"
    assert result.status == case.status


def test_the_table_is_large_and_its_names_differ():
    assert len(CASES) >= 60
    assert len({(case.table, case.name) for case in CASES}) == len(CASES)


def test_wrong_usage_and_wrong_files_differ_in_status():
    assert {case.status for case in CASES if case.table == "usage"} == {2}
    assert {case.status for case in CASES if case.table != "usage"} == {1}
