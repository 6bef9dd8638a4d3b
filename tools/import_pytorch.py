"""``netdef import pytorch``: a state_dict as a caffemodel."""

from __future__ import annotations

from argparse import Namespace

from tools import _import_weights
from tools._cli import CommandParser

NAME = "import pytorch"
HELP = "make a caffemodel of a state_dict of PyTorch"
EXAMPLES = [
    "netdef import pytorch lenet5_mnist_model.pth --net lenet5_pytorch.prototxt -o lenet5.caffemodel",
    "netdef import pytorch model.pt --net deploy.prototxt --map names.txt --check scripted.pt",
]


def add_arguments(parser: CommandParser) -> None:
    _import_weights.add_arguments(
        parser, "what torch.save(model.state_dict(), MODEL) has written, or a TorchScript archive"
    )
    parser.add_argument(
        "--check",
        metavar="FILE",
        help="a TorchScript archive of the model, run on random input and compared with the net (MODEL, if it is one)",
    )


def run(args: Namespace) -> int:
    from netdef.importers import pytorch

    units = pytorch.read_pytorch(args.model)
    check = args.check or (args.model if pytorch.is_torchscript(args.model) else None)
    return _import_weights.import_into_net(
        args, units, (lambda batches: pytorch.run_module(check, batches)) if check else None
    )
