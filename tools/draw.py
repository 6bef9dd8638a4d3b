"""``netdef draw``: a net as a PNG or SVG picture."""

from __future__ import annotations

import argparse
import os
import sys
from argparse import Namespace

from netdef.errors import UsageError
from tools import _options
from tools._cli import CommandParser
from tools.deploy import is_same_file, merge_shapes, named_shapes

NAME = "draw"
HELP = "draw a net as PNG or SVG"
EXAMPLES = [
    "netdef draw lenet_train_test.prototxt",
    "netdef draw train_val.prototxt -o net.svg --rankdir LR --phase TRAIN --shape 3,224,224",
]


def add_arguments(parser: CommandParser) -> None:
    parser.add_argument("net", metavar="NET", help="a definition, a prototxt")
    parser.add_argument(
        "-o",
        "--output",
        action="append",
        default=[],
        metavar="FILE",
        help="a .png or .svg file, may be given twice (NET's name with .png)",
    )
    parser.add_argument(
        "--rankdir", choices=("TB", "LR"), default="TB", help="from top to bottom or from left to right (TB)"
    )
    parser.add_argument("--no_shapes", action="store_true", help="leave out blob shapes and parameter counts")
    parser.add_argument(
        "--shape",
        type=named_shapes,
        action="append",
        default=[],
        metavar="C,H,W",
        help="the input's shape without the batch, where only the data know it; or NAME=C,H,W",
    )
    parser.add_argument(
        "--scale", type=scale_factor, default=2.0, metavar="X", help="pixels of a PNG for each unit (2)"
    )
    _options.add_state(parser)


def run(args: Namespace) -> int:
    from netdef.definitions import load_definition
    from netdef.report.picture import check_format, net_scene, save_scene
    from prototxt import schema

    outputs = args.output or [os.path.splitext(os.path.basename(args.net))[0] + ".png"]
    for path in outputs:
        check_format(path)
        if is_same_file(args.net, path):
            raise UsageError(f'netdef draw: "{path}" is the definition that is read. Give another -o FILE.')
    scene, reason = net_scene(
        load_definition(args.net),
        schema.Phase.Value(args.phase) if args.phase else None,
        level=args.level,
        stages=args.stage,
        rankdir=args.rankdir,
        with_shapes=not args.no_shapes,
        shape=merge_shapes(args.shape, NAME),
    )
    if reason:
        print(f"Drawn without shapes: {reason.splitlines()[0]}", file=sys.stderr)
    for path in outputs:
        save_scene(scene, path, args.scale)
        print(f"{path}: {scene.width} x {scene.height}")
    return 0


def scale_factor(text: str) -> float:
    """A converter: a factor from 0.1 to 10."""
    value = float(text)
    if not 0.1 <= value <= 10:
        raise argparse.ArgumentTypeError("a number from 0.1 to 10")
    return value
