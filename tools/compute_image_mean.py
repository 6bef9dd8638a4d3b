"""``netdef compute_image_mean``: the mean image of a database. Source: Caffe tools/compute_image_mean.cpp."""

from __future__ import annotations

from argparse import Namespace

from tools._cli import CommandParser

NAME = "compute_image_mean"
HELP = "compute the mean image of a database"
EXAMPLES = [
    "netdef compute_image_mean train_lmdb mean.binaryproto",
    "netdef compute_image_mean -backend leveldb train_leveldb mean.npy",
]


def add_arguments(parser: CommandParser) -> None:
    parser.add_argument("database", metavar="INPUT_DB", help="the folder of the database")
    parser.add_argument("output", nargs="?", metavar="OUTPUT_FILE", help="a binaryproto, or a .npy, to write")
    parser.add_argument("--backend", choices=("lmdb", "leveldb"), help="the kind of database (what is found there)")


def run(args: Namespace) -> int:
    from netdef.data.database import open_database
    from netdef.data.database_mean import mean_of
    from netdef.data.mean import save_mean
    from solvers.log import number, to_stderr

    with to_stderr() as log, open_database(args.database, args.backend) as source:
        log.info("compute_image_mean.cpp:69", "Starting iteration")
        mean = mean_of(source, lambda count: log.info("compute_image_mean.cpp:91", f"Processed {count} files."))
        if args.output:
            log.info("compute_image_mean.cpp:103", f"Write to {args.output}")
            save_mean(args.output, mean)
        log.info("compute_image_mean.cpp:109", f"Number of channels: {len(mean)}")
        for channel, plane in enumerate(mean):
            log.info("compute_image_mean.cpp:114", f"mean_value channel [{channel}]: {number(plane.mean())}")
    return 0
