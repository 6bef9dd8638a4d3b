"""``netdef epochs``: epochs, as other systems count them, as a solver's iterations, and back."""

from __future__ import annotations

import argparse
from argparse import Namespace
from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

from netdef.errors import UsageError
from tools._cli import CommandParser, positive_number

if TYPE_CHECKING:
    from prototxt import schema

NAME = "epochs"
HELP = "convert epochs to a solver's iterations, and back"
EXAMPLES = [
    "netdef epochs --images 60000 --batch_size 64 --epochs 20 --test_images 10000 --test_batch_size 100",
    "netdef epochs --source mnist_train_lmdb --batch_size 64 --epochs 10 --step 3",
    "netdef epochs --images 50000 --batch_size 128 --iterations 10000",
    "netdef epochs --solver lenet_solver.prototxt --images 60000",
]


def positive_share(text: str) -> Fraction:
    """A converter: a number above 0, taken as it is written."""
    try:
        value = Fraction(text)
    except (ValueError, ZeroDivisionError):
        value = Fraction(0)
    if value <= 0:
        raise argparse.ArgumentTypeError("a number above 0")
    return value


def add_arguments(parser: CommandParser) -> None:
    parser.add_argument("--images", type=positive_number, metavar="N", help="images to train with")
    parser.add_argument(
        "--source", metavar="PATH", help="an LMDB, a LevelDB or an image list, whose images are counted instead"
    )
    parser.add_argument("--batch_size", type=positive_number, metavar="N", help="images at a time")
    parser.add_argument("--iter_size", type=positive_number, metavar="N", help="batches of an iteration (1)")
    parser.add_argument("--epochs", type=positive_share, metavar="E", help="how long to train: prints solver lines")
    parser.add_argument("--iterations", type=positive_number, metavar="N", help="prints how many epochs these are")
    parser.add_argument("--solver", metavar="FILE", help="prints what its iterations are in epochs")
    parser.add_argument("--test_images", type=positive_number, metavar="N", help="with --epochs: images to test with")
    parser.add_argument("--test_source", metavar="PATH", help="with --epochs: as --source, of the images to test with")
    parser.add_argument(
        "--test_batch_size", type=positive_number, metavar="N", help="with --epochs: images at a time in tests (100)"
    )
    parser.add_argument("--test_every", type=positive_share, metavar="E", help="with --epochs: between two tests (1)")
    parser.add_argument(
        "--step",
        type=positive_share,
        action="append",
        default=[],
        metavar="E",
        help="with --epochs: between two steps of the learning rate; several: the ends of each stage",
    )
    parser.add_argument("--snapshot_every", type=positive_share, metavar="E", help="with --epochs: between snapshots")


def run(args: Namespace) -> int:
    ways = [name for name in ("epochs", "iterations", "solver") if getattr(args, name) is not None]
    if len(ways) != 1:
        found = " and ".join(f"--{name}" for name in ways) or "none of --epochs, --iterations and --solver"
        raise UsageError(f'netdef epochs: found {found}; expected one of the three. See "netdef help epochs".')
    _check_options(args, ways[0])
    lines = {"epochs": _to_iterations, "iterations": _to_epochs, "solver": _of_solver}[ways[0]](args)
    print("\n".join(lines))
    return 0


def _check_options(args: Namespace, way: str) -> None:
    """UsageError for options that the way does not take, or that exclude each other."""
    for one, other in (("images", "source"), ("test_images", "test_source")):
        if getattr(args, one) is not None and getattr(args, other) is not None:
            raise UsageError(f"netdef epochs: found --{one} and --{other}; expected one of them. Take one away.")
    only = ("test_images", "test_source", "test_batch_size", "test_every", "step", "snapshot_every")
    unused = [name for name in only if way != "epochs" and getattr(args, name)]
    if way == "solver":
        unused += [name for name in ("batch_size", "iter_size") if getattr(args, name)]
    if unused:
        raise UsageError(f"netdef epochs: --{unused[0]} has no meaning with --{way}. Take it away.")


def _size(args: Namespace) -> tuple[int, int]:
    """Images, and those of an iteration; UsageError where one is not given."""
    images = args.images if args.source is None else count_images(args.source)
    if images is None:
        raise UsageError("netdef epochs: the number of images is missing. Give --images N, or --source PATH.")
    if args.batch_size is None:
        raise UsageError("netdef epochs: --batch_size is missing. Give --batch_size N: images at a time.")
    return images, args.batch_size * (args.iter_size or 1)


def _to_iterations(args: Namespace) -> Iterable[str]:
    from solvers.epochs import solver_lines

    images, batch = _size(args)
    tested = args.test_images if args.test_source is None else count_images(args.test_source)
    if args.test_batch_size and tested is None:
        raise UsageError(
            "netdef epochs: --test_batch_size is given without the number of images. Give --test_images N, or "
            "--test_source PATH."
        )
    lines = solver_lines(
        images,
        batch,
        args.epochs,
        test_every=args.test_every or Fraction(1),
        test=None if tested is None else (tested, args.test_batch_size or 100),
        steps=tuple(args.step),
        snapshot_every=args.snapshot_every,
    )
    width = max(len(f"{line.field}: {line.value}") for line in lines)
    yield _head(images, batch)
    for line in lines:
        yield f"{f'{line.field}: {line.value}':<{width}}  # {line.words}"


def _head(images: int, batch: int) -> str:
    from solvers.epochs import number_text

    return f"# An epoch is {images:,} images, {number_text(Fraction(images, batch))} iterations of {batch:,}."


def _epochs_text(count: Fraction) -> str:
    from solvers.epochs import number_text

    return f"{number_text(count)} epoch{'' if count == 1 else 's'}"


def _to_epochs(args: Namespace) -> Iterable[str]:
    from solvers.epochs import epochs_of

    images, batch = _size(args)
    yield _head(images, batch)
    yield f"{args.iterations:,} iterations are {_epochs_text(epochs_of(args.iterations, images, batch))}."


def _of_solver(args: Namespace) -> Iterable[str]:
    from prototxt import load_solver, schema
    from solvers.epochs import epochs_of
    from solvers.nets import train_source

    solver = load_solver(args.solver)
    param = solver.message
    batch, source = reading_layer(train_source(solver).document.message, schema.TRAIN)
    given = args.source or (source if args.images is None else None)
    images = args.images if given is None else count_images(given)
    batch *= max(param.iter_size, 1)
    yield _head(images, batch)
    names = ("max_iter", "test_interval", "stepsize", "snapshot", "warmup_iter")
    rows = [(name, getattr(param, name)) for name in names]
    rows += [("stepvalue", value) for value in param.stepvalue]
    for name, value in rows:
        if value > 0:
            yield f"{name}: {value}  # {_epochs_text(epochs_of(value, images, batch))}"


def reading_layer(net: schema.NetParameter, phase: int) -> tuple[int, str]:
    """batch_size and source of the first Data or ImageData layer of a phase; UsageError where there is none."""
    from netdef.graph import filter_layers
    from prototxt import schema

    nodes, _ = filter_layers(net.layer, schema.NetState(phase=phase))
    for node in nodes:
        name = {"Data": "data_param", "ImageData": "image_data_param"}.get(node.type)
        if name is not None:
            fields = getattr(node.param, name)
            return max(fields.batch_size, 1), fields.source
    raise UsageError(
        "netdef epochs: the solver's train net has no Data or ImageData layer, whose batch_size would be needed. Give "
        "--iterations, --images and --batch_size instead."
    )


def count_images(path: str) -> int:
    """The records of a database or the lines of an image list. Raises: DataError."""
    from netdef.data.image_list import read_image_list
    from netdef.data.level_source import LevelSource
    from netdef.data.lmdb_source import LmdbSource

    place = Path(path)
    if place.is_file():
        return len(read_image_list(place))
    is_level = (place / "CURRENT").is_file() and not (place / "data.mdb").is_file()
    source = LevelSource(place) if is_level else LmdbSource(place)
    try:
        return source.entries
    finally:
        source.close()
