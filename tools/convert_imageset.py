"""``netdef convert_imageset``: a list of image files as a database. Source: Caffe tools/convert_imageset.cpp."""

from __future__ import annotations

from argparse import Namespace

from netdef.errors import DataError, UsageError
from tools import _options
from tools._cli import CommandParser, whole_number

NAME = "convert_imageset"
HELP = "make a database of the images in a list"
EXAMPLES = [
    "netdef convert_imageset --resize_height=256 --resize_width=256 --shuffle images/ train.txt train_lmdb",
    "netdef convert_imageset -gray -backend leveldb digits/ list.txt digits_leveldb",
]


def add_arguments(parser: CommandParser) -> None:
    parser.add_argument("root", metavar="ROOTFOLDER/", help="put before each name of the list as it is")
    parser.add_argument("list", metavar="LISTFILE", help="a text file, name and label on each line")
    parser.add_argument("database", metavar="DB_NAME", help="the folder of the database to make")
    parser.add_argument("--gray", action="store_true", help="make the images gray")
    parser.add_argument("--shuffle", action="store_true", help="take the images in random order")
    parser.add_argument("--backend", choices=("lmdb", "leveldb"), default="lmdb", help="the kind of database (lmdb)")
    parser.add_argument(
        "--resize_width", type=whole_number, default=0, metavar="W", help="resize to this width (0: no)"
    )
    parser.add_argument(
        "--resize_height", type=whole_number, default=0, metavar="H", help="resize to this height (0: no)"
    )
    parser.add_argument("--check_size", action="store_true", help="make sure that all images have the same size")
    parser.add_argument("--encoded", action="store_true", help="store image files instead of pixels")
    parser.add_argument(
        "--encode_type", default="", metavar="TYPE", help="the kind of these files: png, jpg, ... (the file's own)"
    )
    parser.add_argument("--overwrite", action="store_true", help="replace a database that is there")
    _options.add_seed(parser)


def run(args: Namespace) -> int:
    from netdef.data.database import create_database
    from netdef.data.image_list import read_image_list
    from netdef.data.imageset import ImageRecords, SizeCheck, record_key
    from solvers.log import to_stderr

    if bool(args.resize_height) != bool(args.resize_width):
        raise UsageError(
            f"netdef convert_imageset: --resize_height is {args.resize_height} and --resize_width "
            f"{args.resize_width}; expected both or none."
        )
    entries = read_image_list(args.list)
    if args.shuffle:
        _shuffle(entries, args.seed)
    maker = ImageRecords(not args.gray, args.resize_height, args.resize_width, args.encoded, args.encode_type)
    sizes = SizeCheck()
    with to_stderr() as log, create_database(args.database, args.backend, args.overwrite) as writer:
        if args.shuffle:
            log.info("convert_imageset.cpp:82", "Shuffling data")
        log.info("convert_imageset.cpp:85", f"A total of {len(entries)} images.")
        for index, (name, label) in enumerate(entries):
            try:
                record = maker.record(args.root + name, label)
            except DataError as error:  # as in Caffe, the others are converted all the same
                log.error("io.cpp:81", str(error))
                continue
            if args.check_size:
                sizes.check(record, args.root + name)
            writer.put(record_key(index, name), record)
            if writer.count % 1000 == 0:
                log.info("convert_imageset.cpp:143", f"Processed {writer.count} files.")
        if writer.count == 0:
            raise DataError(
                f'none of the images of "{args.list}" could be read; the first is "{args.root}{entries[0][0]}". '
                "Correct the list, or ROOTFOLDER/, which stands before each name as it is."
            )
        log.info("convert_imageset.cpp:149", f"Processed {writer.count} files.")
    left = len(entries) - writer.count
    print(f"{args.database}: {writer.count} records" + (f", {left} images left out." if left else "."))
    return 0


def _shuffle(entries: list, seed: int | None) -> None:
    from netdef.random import Stream, default_seed

    Stream(default_seed() if seed is None else seed).generator().shuffle(entries)
