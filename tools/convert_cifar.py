"""``netdef convert_cifar``: CIFAR-10's files as two databases.

Source: Caffe examples/cifar10/convert_cifar_data.cpp.
"""

from __future__ import annotations

from argparse import Namespace

from tools._cli import CommandParser

NAME = "convert_cifar"
HELP = "make databases of CIFAR-10's binary files"
EXAMPLES = ["netdef convert_cifar cifar-10-batches-bin . lmdb"]


def add_arguments(parser: CommandParser) -> None:
    parser.add_argument("input", metavar="INPUT_FOLDER", help="the folder with data_batch_1.bin and the others")
    parser.add_argument("output", metavar="OUTPUT_FOLDER", help="where the databases are made")
    parser.add_argument("db_type", choices=("lmdb", "leveldb"), metavar="DB_TYPE", help="lmdb or leveldb")
    parser.add_argument("--overwrite", action="store_true", help="replace databases that are there")


def run(args: Namespace) -> int:
    from pathlib import Path

    from netdef.data.cifar import TEST_FILES, TRAIN_FILES, records
    from netdef.data.database import create_database

    for part, names in (("train", TRAIN_FILES), ("test", TEST_FILES)):
        target = Path(args.output) / f"cifar10_{part}_{args.db_type}"
        with create_database(target, args.db_type, args.overwrite) as writer:
            for key, record in records(Path(args.input), names):
                writer.put(key, record)
        print(f"{target}: {writer.count} records.")
    return 0
