"""``netdef import darknet``: a Darknet cfg, and its weights, as prototxt and caffemodel."""

from __future__ import annotations

import os
import sys
from argparse import Namespace

from netdef.errors import UsageError
from tools._cli import CommandParser

NAME = "import darknet"
HELP = "make nets and a solver, and a caffemodel, of a Darknet cfg and its weights"
EXAMPLES = [
    "netdef import darknet lenet.cfg -o lenet --train_data mnist_train_lmdb --test_data mnist_test_lmdb",
    "netdef import darknet yolov3-tiny.cfg yolov3-tiny.weights --bgr -o yolo",
]


def add_arguments(parser: CommandParser) -> None:
    parser.add_argument("cfg", metavar="CFG", help="the net as Darknet reads it")
    parser.add_argument("weights", nargs="?", metavar="WEIGHTS", help="trained values, in Darknet's form")
    parser.add_argument(
        "-o", "--output", required=True, metavar="FOLDER", help="where the files go; made if it is not there"
    )
    parser.add_argument(
        "--train_data", default="", metavar="FILE", help="an LMDB, or a list of HDF5 files, to train with"
    )
    parser.add_argument("--test_data", default="", metavar="FILE", help="the same to test with")
    parser.add_argument(
        "--bgr", action="store_true", help="turn the first convolution to images that are blue, green, red, as Caffe's"
    )
    parser.add_argument("--overwrite", action="store_true", help="replace files of these names that are there")


def run(args: Namespace) -> int:
    from netdef.importers.darknet.conversion import import_darknet
    from netdef.importers.darknet.recipe import solver_text
    from netdef.weights.atomic import write_atomically
    from netdef.weights.caffemodel import write_caffemodel
    from prototxt import to_text

    stem = os.path.join(args.output, os.path.splitext(os.path.basename(args.cfg))[0])
    net, solver, deploy = (f"{stem}_{part}.prototxt" for part in ("train_test", "solver", "deploy"))
    model = f"{stem}.caffemodel"
    taken = [path for path in (net, solver, deploy, *([model] if args.weights else [])) if os.path.lexists(path)]
    if taken and not args.overwrite:
        raise UsageError(
            f"netdef import darknet: {', '.join(taken)} {'is' if len(taken) == 1 else 'are'} there already. Give "
            "another -o FOLDER, or --overwrite."
        )
    result = import_darknet(
        args.cfg,
        args.weights,
        net_file=net,
        snapshot_prefix=stem,
        train_data=args.train_data,
        test_data=args.test_data,
        test_images=_count_images(args.test_data),
        bgr=args.bgr,
    )
    os.makedirs(args.output, exist_ok=True)
    texts = {deploy: to_text(result.deploy)}
    if result.train_test is not None and result.solver is not None:
        texts = {net: to_text(result.train_test), solver: solver_text(result.solver), **texts}
    for path, text in texts.items():
        write_atomically(path, text.encode())
    if result.model is not None:
        write_caffemodel(model, result.model)
    for notice in result.notices:
        print(notice, file=sys.stderr)
    print(*texts, *([model] if result.model is not None else []), sep="\n")
    return 0


def _count_images(path: str) -> int | None:
    """How many records the test data has, where it is an LMDB that is there already."""
    from netdef.data.lmdb_source import LmdbSource

    if not os.path.isdir(path):
        return None
    with LmdbSource(path) as source:
        return source.entries
