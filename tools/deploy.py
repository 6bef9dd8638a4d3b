"""``netdef deploy``: from a training definition to the net that answers."""

from __future__ import annotations

import argparse
import os
import sys
from argparse import Namespace

from netdef.errors import UsageError
from tools import _options
from tools._cli import CommandParser, positive_number

NAME = "deploy"
HELP = "derive the net that answers from a training definition"
EXAMPLES = [
    "netdef deploy lenet_train_test.prototxt -o lenet_deploy.prototxt",
    "netdef deploy train_val.prototxt --shape 3,224,224 --batch 10 -o deploy.prototxt",
    "netdef deploy siamese.prototxt --shape pair_data=2,28,28 --keep-all-heads",
]


def add_arguments(parser: CommandParser) -> None:
    parser.add_argument("net", metavar="NET", help="the training definition, a prototxt")
    parser.add_argument("-o", "--output", metavar="FILE", help="where to write; without it, to the standard output")
    parser.add_argument("--batch", type=positive_number, metavar="N", help="images at a time (1)")
    parser.add_argument(
        "--shape",
        type=named_shapes,
        action="append",
        default=[],
        metavar="C,H,W",
        help="the input's shape without the batch; with several inputs NAME=C,H,W, once for each",
    )
    parser.add_argument("--keep_dropout", action="store_true", help="leave Dropout layers in; they do nothing here")
    parser.add_argument(
        "--keep_all_heads",
        action="store_true",
        help="keep the heads of every loss, not of the greatest loss_weight only",
    )
    _options.add_state(parser, phase=False)


def run(args: Namespace) -> int:
    from netdef.definitions import load_definition
    from netdef.deploy import derive
    from prototxt import to_text

    if args.output and is_same_file(args.net, args.output):
        raise UsageError(f'netdef deploy: "{args.output}" is the definition that is read. Give another -o FILE.')
    derivation = derive(
        load_definition(args.net),
        batch=args.batch,
        shape=merge_shapes(args.shape, NAME),
        keep_dropout=args.keep_dropout,
        keep_all_heads=args.keep_all_heads,
        level=args.level,
        stages=args.stage,
    )
    for note in derivation.notes:
        print(note, file=sys.stderr)
    text = to_text(derivation.message).rstrip("\n") + "\n"
    if args.output:
        from netdef.weights.atomic import write_atomically

        write_atomically(args.output, text.encode("utf-8"))
    else:
        print(text, end="")
    return 0


def named_shapes(text: str) -> tuple[str, tuple[int, ...]]:
    """A converter: ``3,28,28`` → ``("", (3, 28, 28))``, ``data=3,28,28`` → ``("data", (3, 28, 28))``."""
    name, equals, sizes = text.rpartition("=")
    parts = sizes.replace("x", ",").split(",")
    if not all(part.strip().isdigit() and int(part) > 0 for part in parts) or (equals and not name):
        raise argparse.ArgumentTypeError("sizes such as 3,224,224 or data=3,224,224, each at least 1")
    return name, tuple(int(part) for part in parts)


def merge_shapes(
    shapes: list[tuple[str, tuple[int, ...]]], command: str
) -> tuple[int, ...] | dict[str, tuple[int, ...]] | None:
    """What `derive` takes: None, one shape, or a mapping. Raises: UsageError for a mixture."""
    if not shapes:
        return None
    if len(shapes) == 1 and not shapes[0][0]:
        return shapes[0][1]
    if any(not name for name, _ in shapes):
        raise UsageError(f"netdef {command}: several --shape need a name each: --shape data=3,224,224.")
    return dict(shapes)


def is_same_file(first: str, second: str) -> bool:
    return os.path.exists(first) and os.path.exists(second) and os.path.samefile(first, second)
