"""``netdef draw_net``: pycaffe's way to draw a net. Source: Caffe python/draw_net.py.

``netdef draw`` has more to offer.
"""

from __future__ import annotations

from argparse import Namespace

from tools._cli import CommandParser

NAME = "draw_net"
HELP = "draw a net, with pycaffe's arguments"
EXAMPLES = [
    "netdef draw_net lenet_train_test.prototxt lenet.png --rankdir TB",
    "netdef draw_net deploy.prototxt net.svg --phase TEST --display_lrm",
]


def add_arguments(parser: CommandParser) -> None:
    parser.add_argument("net", metavar="INPUT_NET_PROTO_FILE", help="the net's definition")
    parser.add_argument("output", metavar="OUTPUT_IMAGE_FILE", help="a .png, .svg, .jpg or .pdf file")
    parser.add_argument(
        "--rankdir",
        choices=("TB", "BT", "LR", "RL"),
        default="LR",
        help="TB or BT: from top to bottom; LR or RL: from left to right (LR)",
    )
    parser.add_argument(
        "--phase", choices=("TRAIN", "TEST", "ALL"), default="ALL", help="the layers of one phase, or all (ALL)"
    )
    parser.add_argument("--display_lrm", action="store_true", help="write the learning rate multipliers into layers")


def run(args: Namespace) -> int:
    from netdef.caffe.draw import draw_net_to_file
    from prototxt import load_net, schema

    message = load_net(args.net).message
    print(f"Drawing net to {args.output}")
    phase = None if args.phase == "ALL" else schema.Phase.Value(args.phase)
    draw_net_to_file(message, args.output, args.rankdir, phase, args.display_lrm)
    return 0
