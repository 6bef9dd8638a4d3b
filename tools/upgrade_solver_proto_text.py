"""``netdef upgrade_solver_proto_text``: an old solver definition in today's form.

Source: Caffe tools/upgrade_solver_proto_text.cpp.
"""

from __future__ import annotations

from argparse import Namespace

from tools import _upgrade
from tools._cli import CommandParser

NAME = "upgrade_solver_proto_text"
HELP = "bring an old solver definition (solver_type: SGD) up to date"
EXAMPLES = ["netdef upgrade_solver_proto_text old_solver.prototxt new_solver.prototxt"]


def add_arguments(parser: CommandParser) -> None:
    _upgrade.add_files(parser, "the solver's prototxt")


def run(args: Namespace) -> int:
    from prototxt import parse_solver, read, schema, to_text

    old = read(args.old, schema.SolverParameter)
    document = parse_solver(old.text, args.old)  # `load_solver` would add a snapshot_prefix
    is_changed = old.message != document.message
    return _upgrade.write(args, to_text(document.message).encode("utf-8"), is_changed, document.warnings)
