"""What the three upgrade commands share: two files, notes about what was left out, writing whole or not at all."""

from __future__ import annotations

import sys
from argparse import Namespace
from collections.abc import Iterable

from tools._cli import CommandParser


def add_files(parser: CommandParser, what: str) -> None:
    parser.add_argument("old", metavar="OLD", help=f"{what} in old or new form")
    parser.add_argument("new", metavar="NEW", help="where to write; may be OLD itself")


def write(args: Namespace, content: bytes, is_changed: bool, warnings: Iterable = ()) -> int:
    """Write ``content`` to ``args.new`` and say what happened."""
    from netdef.weights.atomic import write_atomically

    for warning in warnings:
        print(warning, file=sys.stderr)
    write_atomically(args.new, content)
    print(f"{args.new}: {'upgraded' if is_changed else 'written; it had the newest form already'}.")
    return 0
