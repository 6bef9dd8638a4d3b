"""``netdef summary``: what a net costs, layer by layer."""

from __future__ import annotations

from argparse import Namespace

from tools import _options
from tools._cli import CommandParser, positive_number
from tools.deploy import merge_shapes, named_shapes

NAME = "summary"
HELP = "show shapes, parameters, connections, multiply-adds and memory of every layer"
EXAMPLES = [
    "netdef summary lenet_deploy.prototxt",
    "netdef summary train_val.prototxt --phase TRAIN --shape 3,224,224 --json",
]


def add_arguments(parser: CommandParser) -> None:
    parser.add_argument("net", metavar="NET", help="a definition, a prototxt")
    parser.add_argument("--batch", type=positive_number, metavar="N", help="images at a time (the definition's)")
    parser.add_argument(
        "--shape",
        type=named_shapes,
        action="append",
        default=[],
        metavar="C,H,W",
        help="the input's shape without the batch, where only the data know it; or NAME=C,H,W",
    )
    parser.add_argument("--format", choices=("table", "json", "csv"), default="table", help="how to print (table)")
    parser.add_argument("--json", action="store_true", help="the same as --format json")
    parser.add_argument("--csv", action="store_true", help="the same as --format csv")
    _options.add_state(parser)


def run(args: Namespace) -> int:
    from netdef.definitions import load_definition
    from netdef.report.shapes import shape_net
    from netdef.report.summary import summarize, to_csv, to_json, to_table
    from prototxt import schema

    document = load_definition(args.net)
    shape = merge_shapes(args.shape, NAME)
    phase = schema.Phase.Value(args.phase or "TEST")
    net = shape_net(document, phase, level=args.level, stages=args.stage, batch=args.batch, shape=shape)
    types = {layer.name: layer.type for layer in document.message.layer if not layer.bottom}
    wanted = "json" if args.json else "csv" if args.csv else args.format
    writer = {"json": to_json, "csv": to_csv, "table": to_table}[wanted]
    print(writer(summarize(net, types=types)), end="")
    return 0
