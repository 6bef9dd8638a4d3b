"""``netdef import keras``: a model of Keras as a caffemodel."""

from __future__ import annotations

from argparse import Namespace

from tools import _import_weights
from tools._cli import CommandParser

NAME = "import keras"
HELP = "make a caffemodel of a model of Keras"
EXAMPLES = [
    "netdef import keras lenet5_model.h5 --net lenet5_keras.prototxt -o lenet5.caffemodel",
    "netdef import keras model.keras --net deploy.prototxt --check",
]


def add_arguments(parser: CommandParser) -> None:
    _import_weights.add_arguments(parser, "what model.save(MODEL) has written, .h5 or .keras; Keras is not needed")
    parser.add_argument(
        "--check", action="store_true", help="run the model with Keras on random input and compare it with the net"
    )


def run(args: Namespace) -> int:
    from netdef.importers import keras

    units = keras.read_keras(args.model)
    answer = (lambda batches: keras.run_model(args.model, batches)) if args.check else None
    return _import_weights.import_into_net(args, units, answer)
