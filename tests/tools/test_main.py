"""The front door: which command runs, what comes out for each kind of error, and how quick it is."""

from __future__ import annotations

import subprocess
import sys
import types
from pathlib import Path

import pytest

import tools.main
from netdef.errors import DataError, Location

ROOT = Path(tools.main.__file__).parent.parent
COMMANDS = ", ".join(tools.main.COMMANDS)


@pytest.fixture
def command(monkeypatch):
    """A command "probe" whose ``run`` is whatever the test assigns to ``probe.run``."""
    probe = types.ModuleType("tools.probe")
    probe.NAME, probe.HELP, probe.EXAMPLES = "probe", "a command for tests", ["netdef probe"]
    probe.add_arguments = lambda parser: parser.add_argument("--word", help="a word")
    probe.run = lambda args: print(args.word)
    monkeypatch.setitem(sys.modules, "tools.probe", probe)
    monkeypatch.setitem(tools.main.COMMANDS, "probe", "tools.probe")
    return probe


def raising(error):
    def body(args):
        raise error

    return body


def test_options_may_stand_before_the_command(run, command):
    assert run("-word", "yes", "probe") == run("probe", "--word=yes")
    assert run("probe", "--word=yes").out == "yes\n"


def test_the_status_is_what_the_command_returns(run, command):
    command.run = lambda args: 3
    assert run("probe").status == 3


def test_version(run):
    result = run("--version")
    assert result.status == 0
    assert result.out.startswith("netdef 0.")
    assert run("version").out == run("-version").out == result.out


def test_help_in_every_spelling(run, command):
    text = run("help", "probe").out
    assert text.startswith("usage: netdef probe [options]\n\na command for tests\n")
    assert run("probe", "--help").out == run("probe", "-h").out == run("probe", "-help").out == text


def test_overview_lists_every_command(run):
    result = run("--help")
    assert result.status == 0 and result.err == ""
    for name in COMMANDS.split(", "):
        assert f"\n  {name} " in result.out
    assert run("help").out == run("-h").out == result.out


def test_nothing_given_is_wrong_usage(run):
    result = run()
    assert (result.status, result.out) == (2, "")
    assert result.err == run("--help").out


def test_unknown_command(run):
    assert run("trian") == run("help", "trian")
    result = run("trian")
    assert (result.status, result.out) == (2, "")
    assert result.err == f'netdef: unknown command "trian". Did you mean "train"? The commands are: {COMMANDS}.\n'


def test_options_without_a_command(run):
    result = run("--solver", "x")
    assert result.status == 2
    assert result.err == f'netdef: no command in "--solver x". The commands are: {COMMANDS}. See "netdef help".\n'


def test_an_error_is_one_message(run, command):
    place = Location("net.prototxt", 3, 5, "    pad: 3")
    command.run = raising(DataError("pad is 3. Lower it.", location=place))
    result = run("probe")
    assert (result.status, result.out) == (1, "")
    assert result.err == "net.prototxt:3:5: pad is 3. Lower it.\n      pad: 3\n      ^\n"


def test_a_defect_asks_for_a_report(run, command):
    command.run = raising(ValueError("shapes (2,)\n and (3,)"))
    result = run("probe")
    assert result.status == 1
    assert result.err == (
        "ValueError: shapes (2,) and (3,). This is a defect of netdef, not of your files. Please report it with the "
        "command and its input; NETDEF_TRACEBACK=1 shows where it happened.\n"
    )


def test_the_traceback_is_shown_on_demand(run, command, monkeypatch):
    command.run = raising(DataError("gone"))
    assert "Traceback" not in run("probe").err
    monkeypatch.setenv("NETDEF_TRACEBACK", "1")
    result = run("probe")
    assert result.err.startswith("Traceback (most recent call last):\n")
    assert result.err.endswith("gone\n")


def test_errors_of_the_system(run, command):
    command.run = raising(PermissionError(13, "Permission denied", "out.png"))
    assert run("probe").err == (
        "out.png: Permission denied. Check the path, its permissions and the space on the disk.\n"
    )
    command.run = raising(MemoryError())
    assert run("probe").err == "There is not enough memory. Lower batch_size, or close other programs.\n"


def test_interruptions(run, command):
    command.run = raising(KeyboardInterrupt())
    result = run("probe")
    assert (result.status, result.err) == (130, "Stopped by Ctrl-C.\n")


def test_a_warning_is_a_sentence(run, command):
    command.run = lambda args: tools.main.warnings.warn("batch_size is 1", stacklevel=1)
    with tools.main.warnings.catch_warnings():
        tools.main.warnings.simplefilter("default")
        assert run("probe").err == "Warning: batch_size is 1\n"


def python(*words: str, **kwargs) -> subprocess.CompletedProcess:
    return subprocess.run([sys.executable, *words], cwd=ROOT, capture_output=True, text=True, timeout=60, **kwargs)


def test_a_reader_that_goes_away_is_no_error():
    script = f'"{sys.executable}" -m tools.main --help | head -c 1; echo "${{PIPESTATUS[0]}}"'
    done = subprocess.run(["bash", "-c", script], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.stderr == ""
    assert done.stdout in ("n141\n", "n0\n")  # 0: all was written before the reader left


def test_help_is_light():
    code = (
        "import sys; from tools.main import main; main(['--help']); main(['help', 'train']); "
        "heavy = {'numpy', 'numba', 'lmdb', 'PIL', 'matplotlib'} & set(sys.modules); "
        "sys.exit(f'loaded: {sorted(heavy)}' if heavy else 0)"
    )
    done = python("-c", code)
    assert (done.returncode, done.stderr) == (0, "")
