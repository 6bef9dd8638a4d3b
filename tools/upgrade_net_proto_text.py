"""``netdef upgrade_net_proto_text``: an old net definition in today's form.

Source: Caffe tools/upgrade_net_proto_text.cpp.
"""

from __future__ import annotations

from argparse import Namespace

from tools import _upgrade
from tools._cli import CommandParser

NAME = "upgrade_net_proto_text"
HELP = "bring an old net definition (V0, V1, net-level input) up to date"
EXAMPLES = ["netdef upgrade_net_proto_text old.prototxt new.prototxt"]


def add_arguments(parser: CommandParser) -> None:
    _upgrade.add_files(parser, "the net's prototxt")


def run(args: Namespace) -> int:
    from prototxt import load_net, read, schema, to_text

    document = load_net(args.old)
    is_changed = read(args.old, schema.NetParameter).message != document.message
    return _upgrade.write(args, to_text(document.message).encode("utf-8"), is_changed, document.warnings)
