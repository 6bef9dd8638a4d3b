"""The kinds of import, each of which is a command behind a command."""

from __future__ import annotations

import sys
import types

import pytest

from tools import import_


@pytest.fixture
def probe(monkeypatch):
    """A kind "probe"."""
    probe = types.ModuleType("tools.import_probe")
    probe.NAME, probe.HELP, probe.EXAMPLES = "import probe", "a kind for tests", ["netdef import probe --word yes"]
    probe.add_arguments = lambda parser: parser.add_argument("--word", help="a word")
    probe.run = lambda args: print(args.word)
    monkeypatch.setitem(sys.modules, "tools.import_probe", probe)
    monkeypatch.setitem(import_.KINDS, "probe", "tools.import_probe")
    return probe


def test_a_kind_has_its_own_options(run, probe):
    assert run("import", "probe", "--word", "yes").out == run("import", "probe", "-word=yes").out == "yes\n"
    probe.run = lambda args: 3
    assert run("import", "probe").status == 3


def test_a_kind_has_its_own_help(run, probe):
    text = run("help", "import", "probe").out
    assert text.startswith("usage: netdef import probe [options]\n\na kind for tests\n")
    assert run("import", "probe", "--help").out == run("import", "probe", "-h").out == text
    assert run("import", "--help").out == run("help", "import").out != text


def test_wrong_usage_names_the_kind(run, probe):
    result = run("import", "probe", "--wrod", "yes")
    assert (result.status, result.err) == (
        2,
        'netdef import probe: unknown option "--wrod". Did you mean "--word"? See "netdef help import probe".\n',
    )


def test_no_kind(run, probe):
    result = run("import")
    assert (result.status, result.err) == (
        2,
        'netdef import: KIND is missing. Give KIND: what it is that comes. See "netdef help import".\n',
    )


def test_unknown_kind(run, monkeypatch, probe):
    monkeypatch.setattr(import_, "KINDS", {"alpha": "a", "beta": "b"})
    result = run("import", "gamma")
    assert (result.status, result.err) == (
        2,
        'netdef import: KIND is "gamma"; expected alpha or beta. See "netdef help import".\n',
    )
