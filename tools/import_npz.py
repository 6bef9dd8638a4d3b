"""``netdef import npz``: arrays of a NumPy file as a caffemodel."""

from __future__ import annotations

from argparse import Namespace

from tools import _import_weights
from tools._cli import CommandParser

NAME = "import npz"
HELP = "make a caffemodel of the arrays in a NumPy file"
EXAMPLES = [
    "netdef import npz weights.npz --net deploy.prototxt -o net.caffemodel",
    "netdef import npz weights.npz --net deploy.prototxt --layout keras --map names.txt",
]
LAYOUTS = ("caffe", "keras")


def add_arguments(parser: CommandParser) -> None:
    _import_weights.add_arguments(parser, "what numpy.savez(MODEL, ...) has written")
    parser.add_argument(
        "--layout",
        choices=LAYOUTS,
        default="caffe",
        help="caffe: filters (O, I, H, W) and dense weights (O, I), as PyTorch has them; keras: (H, W, I, O) and "
        "(I, O), images flattened with channels last (caffe)",
    )


def run(args: Namespace) -> int:
    from netdef.importers.npz import read_npz

    return _import_weights.import_into_net(args, read_npz(args.model, args.layout))
