"""What is written about the commands is complete and true."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

import tools.main
from tools import import_
from tools.main import COMMANDS, load_command, make_parser

ROOT = Path(tools.main.__file__).parent.parent
SECTIONS = dict(re.findall(r"^## (\w+)\n(.*?)(?=^## |\Z)", (ROOT / "docs" / "commands.md").read_text(), re.M | re.S))


def words(text: str) -> str:
    return " ".join(text.split())


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_is_described(name):
    parser = make_parser(load_command(name))
    section = words(SECTIONS[name])
    for action in [*parser.options.values(), *parser.positionals]:
        assert words(action.help) in section
        assert all(option in section for option in action.option_strings)


@pytest.mark.parametrize("kind", import_.KINDS)
def test_every_kind_of_import_is_described(kind):
    command = import_.load_kind(kind)
    parser = make_parser(command)
    section = words(re.search(rf"^### import {kind}\n(.*?)(?=^##|\Z)", SECTIONS["import"], re.M | re.S).group(1))
    for action in [*parser.options.values(), *parser.positionals]:
        assert words(action.help) in section
        assert all(option in section for option in action.option_strings)
    for line in command.EXAMPLES:
        assert line.startswith(f"netdef import {kind} ") and line in section
        parser.parse(shlex.split(line)[3:])


def test_no_other_command_is_described():
    assert list(SECTIONS) == list(COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_the_examples_are_right_usage(name):
    command = load_command(name)
    for line in command.EXAMPLES:
        line = re.sub(r"^(\w+=\S+ )*", "", line)
        program, given, *rest = shlex.split(line)
        assert (program, given, command.NAME) == ("netdef", name, name)
        make_parser(command).parse(rest)


def commands_of(text: str) -> list[list[str]]:
    """The ``netdef`` lines in the fenced blocks of a page, and the commands in its `backquotes`."""
    fenced = re.findall(r"^```\w*\n(.*?)^```", text, re.M | re.S)
    lines = [line.removeprefix("$ ") for block in fenced for line in block.splitlines()]
    quoted = re.findall(r"`(netdef [a-z_]+ [^`]*)`", re.sub(r"^```.*?^```", "", text, flags=re.M | re.S))
    return [shlex.split(line, comments=True) for line in [*lines, *quoted] if line.startswith("netdef ")]


def test_the_readme_uses_the_commands_rightly():
    found = commands_of((ROOT / "README.md").read_text())
    assert len(found) > 5
    for _, name, *rest in found:
        if name in COMMANDS:
            make_parser(load_command(name)).parse(rest)
