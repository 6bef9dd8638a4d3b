"""``netdef mean``: a mean image from binaryproto to npy, or back."""

from __future__ import annotations

from argparse import Namespace

from netdef.errors import DataError, UsageError
from tools._cli import CommandParser

NAME = "mean"
HELP = "turn a mean image from binaryproto into npy, or back"
EXAMPLES = [
    "netdef mean imagenet_mean.binaryproto ilsvrc_2012_mean.npy",
    "netdef mean mean.npy mean.binaryproto",
]


def add_arguments(parser: CommandParser) -> None:
    parser.add_argument("input", metavar="INPUT", help="a binaryproto, or a .npy with (channels, height, width)")
    parser.add_argument("output", metavar="OUTPUT", help="the same, the other way round")


def run(args: Namespace) -> int:
    from netdef.data.mean import load_mean, save_mean

    if args.input.endswith(".npy") == args.output.endswith(".npy"):
        raise UsageError(
            f'netdef mean: "{args.input}" and "{args.output}" are of the same kind; expected one that ends in .npy '
            "and one that does not."
        )
    mean = load_mean(args.input)
    if mean.ndim == 4 and mean.shape[0] == 1:
        mean = mean[0]
    if mean.ndim == 1:
        mean = mean[:, None, None]
    if mean.ndim != 3:
        raise DataError(f'array "{args.input}" has shape {mean.shape}; expected (channels, height, width). Reshape it.')
    save_mean(args.output, mean)
    print(f"{args.output}: {' x '.join(map(str, mean.shape))}, from {mean.min():g} to {mean.max():g}.")
    return 0
