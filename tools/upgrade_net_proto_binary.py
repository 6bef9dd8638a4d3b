"""``netdef upgrade_net_proto_binary``: an old caffemodel in today's form.

Source: Caffe tools/upgrade_net_proto_binary.cpp.
"""

from __future__ import annotations

from argparse import Namespace

from tools import _upgrade
from tools._cli import CommandParser

NAME = "upgrade_net_proto_binary"
HELP = "bring an old caffemodel (V0, V1) up to date"
EXAMPLES = ["netdef upgrade_net_proto_binary old.caffemodel new.caffemodel"]


def add_arguments(parser: CommandParser) -> None:
    _upgrade.add_files(parser, "the caffemodel")


def run(args: Namespace) -> int:
    from netdef.weights.caffemodel import read_net
    from prototxt import upgrade_net

    message = read_net(args.old)
    before = message.SerializeToString(deterministic=True)
    warnings: list[tuple[str, str]] = []
    upgrade_net(message, warnings=warnings)
    content = message.SerializeToString(deterministic=True)
    return _upgrade.write(args, content, content != before, (f"{args.old}: {path}: {text}" for path, text in warnings))
