"""``netdef import``: nets, recipes and weights of other programs.

Each kind is a module as the commands are, with ``NAME = "import kind"``; it is listed in `KINDS` and parses what
stands behind its name.
"""

from __future__ import annotations

import importlib
from argparse import Namespace
from types import ModuleType

from tools._cli import CommandParser

NAME = "import"
HELP = "bring nets and weights of other programs here"
EXAMPLES: list[str] = []
WORDS_FOLLOW = True  # what stands behind the kind belongs to it
KINDS = {
    "pytorch": "tools.import_pytorch",
    "keras": "tools.import_keras",
    "npz": "tools.import_npz",
    "darknet": "tools.import_darknet",
}


def add_arguments(parser: CommandParser) -> None:
    parser.add_argument("kind", choices=tuple(KINDS), metavar="KIND", help="what it is that comes")
    parser.add_argument("words", nargs="*", metavar="ARG", help="its own; see netdef help import KIND")


def run(args: Namespace) -> int:
    from tools.main import run_command

    return run_command(load_kind(args.kind), args.words)


def load_kind(name: str) -> ModuleType:
    """The module of one kind."""
    return importlib.import_module(KINDS[name])
