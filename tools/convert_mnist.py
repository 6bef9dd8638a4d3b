"""``netdef convert_mnist``: MNIST's files as an LMDB, or the data set fetched and converted whole.

Source: Caffe examples/mnist/convert_mnist_data.cpp, examples/mnist/create_mnist.sh.
"""

from __future__ import annotations

import argparse
import os
import sys
from argparse import Namespace
from pathlib import Path
from typing import TYPE_CHECKING

from netdef.errors import UsageError
from tools import _options
from tools._cli import CommandParser, positive_number, whole_number

if TYPE_CHECKING:
    import numpy as np

    from netdef.data.digits import Digits

NAME = "convert_mnist"
HELP = "make LMDBs of MNIST's files, or get MNIST first"
EXAMPLES = [
    "netdef convert_mnist train-images-idx3-ubyte train-labels-idx1-ubyte mnist_train_lmdb",
    "netdef convert_mnist --get work/lenet --samples 10",
    "MNIST_DIR=~/mnist netdef convert_mnist --get work/lenet",
    "netdef convert_mnist --get work/lenet5 --pad 2 --validation 5000",
    "netdef convert_mnist --get work/lenet5 --shuffle --seed 1701 --validation 0.2",
    "netdef convert_mnist --pairs --get work/siamese",
]
PAIRS_SEED = 1701
TRAIN_LMDB, VALIDATION_LMDB, TEST_LMDB = "mnist_train_lmdb", "mnist_val_lmdb", "mnist_test_lmdb"
SAMPLES = "png"


def add_arguments(parser: CommandParser) -> None:
    parser.add_argument(
        "file", nargs="*", metavar="FILE", help="images, labels (IDX files, plain or .gz) and the LMDB to write"
    )
    parser.add_argument("--overwrite", action="store_true", help="replace an LMDB that is there")
    parser.add_argument("--backend", choices=("lmdb",), default="lmdb", help="the kind of database (lmdb)")
    parser.add_argument(
        "--get",
        metavar="FOLDER",
        help=f"write {TRAIN_LMDB} and {TEST_LMDB} into FOLDER; MNIST is taken from $MNIST_DIR, else from an earlier "
        "download, else from a public mirror, else scikit-learn's digits stand in for it",
    )
    parser.add_argument(
        "--samples",
        type=positive_number,
        metavar="N",
        help=f"with --get: N test images as PNG files in FOLDER/{SAMPLES}",
    )
    parser.add_argument(
        "--pairs",
        action="store_true",
        help="random pairs of images instead, two channels each, labelled 1 if both show the same digit, else 0; "
        "with --get as mnist_siamese_train_lmdb and mnist_siamese_test_lmdb",
    )
    parser.add_argument("--pad", type=whole_number, default=0, metavar="N",
                        help="add N pixels of 0 on every side of each image; 2 makes 32x32 of 28x28 (0)")  # fmt: skip
    parser.add_argument("--shuffle", action="store_true", help="take the training images in random order")
    parser.add_argument(
        "--validation",
        type=portion,
        metavar="X",
        help=f"with --get: write the last X training images, a number or a share such as 0.2, as {VALIDATION_LMDB} "
        "and train without them",
    )
    _options.add_seed(parser)


def portion(text: str) -> float:
    """A converter: a share in (0, 1), or a whole number of 1 or more."""
    value = float(text)
    if not (0 < value < 1 or (value >= 1 and value == int(value))):
        raise argparse.ArgumentTypeError("a number of images, 1 or more, or a share between 0 and 1")
    return value


def run(args: Namespace) -> int:
    if args.get is not None:
        return get(args)
    if len(args.file) != 3 or args.samples or args.validation:
        raise UsageError(
            f"netdef convert_mnist: found {len(args.file)} files; expected three, the images, the labels and the LMDB "
            "to write, or --get FOLDER (and --samples and --validation only with it). "
            'See "netdef help convert_mnist".'
        )
    from netdef.data.mnist import check_pair, read_idx

    images, labels, target = args.file
    arrays = read_idx(images), read_idx(labels)
    check_pair(*arrays)
    convert(args, *in_order(args, *arrays), target, overwrite=args.overwrite)
    print(f"{target}: {len(arrays[0])} records.")
    return 0


def in_order(args: Namespace, images: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The images and labels as they are, or with ``--shuffle`` in random order."""
    from netdef.data.split import shuffled
    from netdef.random import default_seed

    if not args.shuffle:
        return images, labels
    return shuffled(images, labels, default_seed() if args.seed is None else args.seed)


def convert(
    args: Namespace, images: np.ndarray, labels: np.ndarray, target: str | os.PathLike[str], overwrite: bool
) -> None:
    """Write the images, or with ``--pairs`` pairs of them, to the LMDB ``target``."""
    from netdef.data.mnist import convert_mnist, convert_pairs
    from netdef.data.split import padded

    images = padded(images, args.pad) if args.pad else images
    if args.pairs:
        convert_pairs(images, labels, target, PAIRS_SEED, overwrite)
    else:
        convert_mnist(images, labels, target, overwrite)


def get(args: Namespace) -> int:
    """Find MNIST or what stands in for it, and write both LMDBs; the training set comes first, the test set last."""
    if args.file:
        raise UsageError(
            f'netdef convert_mnist: found "{args.file[0]}" beside --get {args.get}; expected one of the two ways. '
            'See "netdef help convert_mnist".'
        )
    from netdef.data.mnist import export_samples, find_mnist
    from netdef.errors import DataError

    folder = Path(args.get)
    if not folder.is_dir():
        raise DataError(f'"{folder}" is not a folder; expected the folder to write into. Create it first.')
    digits = find_mnist(tell=lambda line: print(line, file=sys.stderr))
    print(digits.origin)
    if args.samples:
        export_samples(digits, folder / SAMPLES, args.samples)
    for name, images, labels in parts(args, digits):
        name = name.replace("mnist_", "mnist_siamese_") if args.pairs else name
        convert(args, images, labels, folder / name, overwrite=True)
        print(f"{folder / name}: {len(images)} records.")
    return 0


def parts(args: Namespace, digits: Digits) -> list[tuple[str, np.ndarray, np.ndarray]]:
    """Name, images and labels of each LMDB to write."""
    from netdef.data.split import held_back, split

    images, labels = in_order(args, digits.train_images, digits.train_labels)
    found = [(TEST_LMDB, digits.test_images, digits.test_labels)]
    if args.validation:
        kept = held_back(args.validation, len(images))
        images, labels, *rest = split(images, labels, kept)
        found.insert(0, (VALIDATION_LMDB, *rest))
    return [(TRAIN_LMDB, images, labels), *found]
