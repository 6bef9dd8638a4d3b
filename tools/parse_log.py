"""``netdef parse_log``: training logs as tables. Source: Caffe tools/extra/parse_log.py."""

from __future__ import annotations

import os
from argparse import Namespace

from netdef.errors import DataError, UsageError
from tools._cli import CommandParser

NAME = "parse_log"
HELP = "make tables of a training log: LOG.train and LOG.test"
EXAMPLES = [
    "netdef parse_log lenet.log .",
    "netdef parse_log --verbose --delimiter ';' caffe.INFO tables/",
]


def add_arguments(parser: CommandParser) -> None:
    parser.add_argument("log", metavar="LOGFILE", help="a training log: Caffe's, netdef's, NVIDIA's or Intel's")
    parser.add_argument("output_dir", metavar="OUTPUT_DIR", help="the folder of the tables")
    parser.add_argument("--verbose", action="store_true", help="print the names of the files")
    parser.add_argument("--delimiter", default=",", metavar="C", help="what stands between columns (,)")


def run(args: Namespace) -> int:
    from netdef.report.log import read_log
    from netdef.report.table import test_nets, test_rows, to_csv, train_rows
    from netdef.weights.atomic import write_atomically

    if len(args.delimiter) != 1:
        raise UsageError(f'netdef parse_log: --delimiter is "{args.delimiter}"; expected one character.')
    if not os.path.isdir(args.output_dir):
        raise DataError(f'"{args.output_dir}" is not a folder; expected where the tables go. Create it.')
    log = read_log(args.log)
    stem = os.path.join(args.output_dir, os.path.basename(args.log))
    tables = [(f"{stem}.train", train_rows(log)), (f"{stem}.test", test_rows(log))]
    tables += [(f"{stem}.test{net}", test_rows(log, net)) for net in test_nets(log) if net]
    for path, rows in tables:
        if rows:
            write_atomically(path, to_csv(rows, args.delimiter).encode())
        if args.verbose:
            print(f"Wrote {path}" if rows else f"Not writing {path}; no lines to write")
    return 0
