"""The steps of ``make lenet``, without running them, and the word about a Python that is too old."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import tools.main
from tools.main import COMMANDS, load_command, make_parser

ROOT = Path(tools.main.__file__).parent.parent

pytestmark = pytest.mark.skipif(shutil.which("make") is None, reason="there is no make")


@pytest.fixture
def project(tmp_path):
    """A copy of what make looks at, in a folder whose name has a space."""
    folder = tmp_path / "net def"
    (folder / "prototxt").mkdir(parents=True)
    for name in ("Makefile", "setup.cfg", "pyproject.toml"):
        shutil.copy(ROOT / name, folder)
    shutil.copytree(ROOT / "prototxt" / "models", folder / "prototxt" / "models")
    return folder


def make(folder: Path, *words: str) -> subprocess.CompletedProcess:
    # The suite itself runs under make: what that make tells its children would change what this one prints.
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))}
    return subprocess.run(["make", *words], cwd=folder, env=environment, capture_output=True, text=True, timeout=60)


def netdef_lines(text: str) -> list[list[str]]:
    """The words of every netdef command in a recipe, shell redirections and variables aside."""
    joined = re.sub(r"\\\n\s*", "", text)
    found = re.findall(r"\.\./\.\./\.venv/bin/netdef ([^\n|>]*)", joined)
    return [[word for word in re.sub(r" 2$", "", line).split() if not word.startswith("$")] for line in found]


def test_the_steps_of_the_main_job(project):
    done = make(project, "-n", "lenet", f"PYTHON={sys.executable}")
    assert (done.returncode, done.stderr) == (0, "")
    commands = netdef_lines(done.stdout)
    assert [words[0] for words in commands] == ["draw", "convert_mnist", "train", "plot", "deploy", "classify", "test"]
    for name, *words in commands:
        make_parser(load_command(name)).parse(words)


@pytest.mark.parametrize("step", ["draw", "lmdb", "train", "plot", "test", "deploy", "classify", "gallery", "summary"])
def test_every_step_stands_alone(project, step):
    done = make(project, "-n", step, f"PYTHON={sys.executable}")
    assert done.returncode == 0
    assert {words[0] for words in netdef_lines(done.stdout)} <= set(COMMANDS)
    assert "--editable '.[plot,digits]'" in done.stdout


def test_a_python_that_is_too_old(project, tmp_path):
    old = tmp_path / "python2"
    old.write_text("#!/bin/sh\nexit 1\n")
    old.chmod(0o755)
    done = make(project, "lenet", f"PYTHON={old}")
    assert done.returncode == 2
    assert done.stdout == (
        f'netdef needs Python 3.10 or newer; "{old}" is not. Choose another one: make lenet PYTHON=python3.12\n'
    )
    assert not (project / ".venv").exists()


def test_help_names_every_target(project):
    text = make(project).stdout
    targets = re.search(r"^\.PHONY: (.*)$", (project / "Makefile").read_text(), re.M).group(1).split()
    for target in set(targets) - {"help"}:
        assert f"\nmake {target} " in f"\n{text}"
