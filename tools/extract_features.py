"""``netdef extract_features``: what a net makes of its data. Source: Caffe tools/extract_features.cpp."""

from __future__ import annotations

from argparse import Namespace

from netdef.errors import NetError, UsageError
from tools import _options
from tools._cli import CommandParser, comma_list, positive_number

NAME = "extract_features"
HELP = "write the blobs of a net that runs over its data"
EXAMPLES = [
    "netdef extract_features lenet.caffemodel lenet_train_test.prototxt ip1 features_lmdb 10 lmdb",
    "netdef extract_features net.caffemodel net.prototxt fc7,prob fc7.npy,prob.npy 10 npy CPU",
]


def add_arguments(parser: CommandParser) -> None:
    parser.add_argument("weights", metavar="WEIGHTS", help="trained weights")
    parser.add_argument("net", metavar="NET", help="the net's definition, with a layer that reads the data")
    parser.add_argument("blobs", type=comma_list, metavar="BLOB,BLOB", help="the blobs to write")
    parser.add_argument("datasets", type=comma_list, metavar="DATASET,DATASET", help="where each of them is written")
    parser.add_argument("batches", type=positive_number, metavar="NUM_MINI_BATCHES", help="how many batches to run")
    parser.add_argument(
        "db_type", choices=("lmdb", "leveldb", "hdf5", "npy"), metavar="DB_TYPE", help="lmdb, leveldb, hdf5 or npy"
    )
    parser.add_argument("device", nargs="*", metavar="CPU|GPU", help="as Caffe's; netdef computes on the CPU")
    parser.add_argument("--overwrite", action="store_true", help="replace databases that are there")
    _options.add_threads(parser)


def run(args: Namespace) -> int:
    from contextlib import ExitStack

    from netdef.data.features import feature_writer
    from netdef.net import Net
    from prototxt import schema
    from solvers.log import to_stderr

    if len(args.blobs) != len(args.datasets):
        raise UsageError(
            f"netdef extract_features: {len(args.blobs)} blobs and {len(args.datasets)} datasets; "
            "the number of blob names and dataset names must be equal."
        )
    _options.use_threads(args)
    with ExitStack() as stack:
        log = stack.enter_context(to_stderr())
        if args.device and args.device[0] == "GPU":
            log.warning("extract_features.cpp:49", "GPU: netdef has no GPU code; it computes on the CPU.")
        log.info("extract_features.cpp:60", "Using CPU")
        net = stack.enter_context(Net(args.net, schema.TEST))
        _check_blobs(net, args.blobs)
        _options.load_weights(net, [args.weights], log)
        write = [
            stack.enter_context(feature_writer(path, args.db_type, name, args.overwrite))
            for name, path in zip(args.blobs, args.datasets)
        ]
        log.info("extract_features.cpp:129", "Extracting Features")
        for _ in range(args.batches):
            net.run()
            for name, put in zip(args.blobs, write):
                put(net.blobs[name].data)
    items = args.batches * net.blobs[args.blobs[0]].shape[0]
    for name, path in zip(args.blobs, args.datasets):
        print(f"{path}: {name} of {items} items.")
    return 0


def _check_blobs(net, names: list[str]) -> None:
    from netdef.errors import Location, suggestion

    for name in names:
        if name not in net.blobs:
            raise NetError(
                f'the net has no blob "{name}".{suggestion(name, net.blobs)} Its blobs are: {", ".join(net.blobs)}.',
                location=Location(net.document.filename),
            )
        if not net.blobs[name].shape:
            raise NetError(
                f'blob "{name}" is a scalar; a feature has a first axis, the batch. Name another blob.',
                location=Location(net.document.filename),
            )
