"""``netdef detect``: a net answers on windows of images. Source: Caffe python/detect.py."""

from __future__ import annotations

import csv
import io
from argparse import Namespace

from netdef.errors import DataError, UsageError
from tools import _options, _pycaffe
from tools._cli import CommandParser

NAME = "detect"
HELP = "answer on windows of images, with pycaffe's arguments"
EXAMPLES = [
    "netdef detect --crop_mode list --model_def deploy.prototxt --pretrained_model net.caffemodel "
    "--mean_file mean.npy windows.csv out.h5",
]
COLUMNS = ("ymin", "xmin", "ymax", "xmax")


def add_arguments(parser: CommandParser) -> None:
    parser.add_argument(
        "input", metavar="INPUT_FILE", help="a .csv with the columns filename, ymin, xmin, ymax, xmax, or a .txt"
        " with the name of an image on each line, for selective search",
    )  # fmt: skip
    parser.add_argument("output", metavar="OUTPUT_FILE", help="a .csv or .h5 file")
    parser.add_argument("--model_def", required=True, metavar="FILE", help="the deploy net's definition")
    parser.add_argument("--pretrained_model", required=True, metavar="FILE", help="trained weights")
    parser.add_argument(
        "--crop_mode",
        choices=("list", "selective_search"),
        default="selective_search",
        help="where windows come from (selective_search)",
    )
    _pycaffe.add_preparation(parser)
    parser.add_argument(
        "--context_pad", type=int, default=16, metavar="N", help="pixels of context around a window in the input (16)"
    )
    parser.add_argument("--gpu", action="store_true", help="accepted for old scripts; netdef computes on the CPU")
    _options.add_threads(parser)


def run(args: Namespace) -> int:
    from netdef.caffe import Detector
    from netdef.weights.atomic import check_writable

    if not args.output.lower().endswith((".csv", ".h5")):
        raise UsageError(f'netdef detect: "{args.output}" ends neither in .csv nor in .h5. Name it so.')
    check_writable(args.output)
    _options.use_threads(args)
    _pycaffe.say_device(args)
    windows = read_windows(args.input) if args.crop_mode == "list" else None
    detector = Detector(
        args.model_def,
        args.pretrained_model,
        mean=_pycaffe.channel_mean(args.mean_file),
        input_scale=args.input_scale,
        raw_scale=args.raw_scale,
    )
    _pycaffe.swap_channels(detector, args)
    detector.configure_crop(args.context_pad)
    print("Loading input...")
    if windows is None:
        found = detector.detect_selective_search(read_names(args.input))
    else:
        found = detector.detect_windows(windows)
    print(f"Processed {len(found)} windows.")
    save = save_csv if args.output.lower().endswith(".csv") else save_hdf5
    save(args.output, found)
    print(f"Saved to {args.output}.")
    return 0


def read_names(path: str) -> list[str]:
    """The lines of a text file. Raises: DataError."""
    names = [line.strip() for line in _text(path).splitlines() if line.strip()]
    if not names:
        raise DataError(f'"{path}" is empty; expected the name of an image on each line.')
    return names


def read_windows(path: str) -> list[tuple[str, list]]:
    """(image, windows) of a table with the columns filename, ymin, xmin, ymax, xmax. Raises: DataError."""
    import numpy as np

    rows = csv.DictReader(io.StringIO(_text(path)), skipinitialspace=True)
    missing = [name for name in ("filename", *COLUMNS) if name not in (rows.fieldnames or [])]
    if missing:
        raise DataError(f'"{path}" lacks the columns {", ".join(missing)}; its first line must name all five.')
    found: dict[str, list] = {}
    for row in rows:
        try:
            window = np.array([int(float(row[name])) for name in COLUMNS])
        except (TypeError, ValueError):
            raise DataError(f'line {rows.line_num} of "{path}" is no window; expected four numbers.') from None
        found.setdefault(row["filename"], []).append(window)
    if not found:
        raise DataError(f'"{path}" lists no window; expected at least one.')
    return list(found.items())


def _text(path: str) -> str:
    try:
        with open(path, encoding="utf-8", newline="") as file:
            return file.read()
    except OSError as error:
        raise DataError(f'"{path}" cannot be read: {error.strerror}. Correct the path.') from error
    except UnicodeDecodeError:
        raise DataError(f'"{path}" is not UTF-8 text. Save it as UTF-8.') from None


def save_csv(path: str, found: list[dict]) -> None:
    """One line a window: filename, its corners, the probability of each class."""
    from netdef.weights.atomic import write_atomically

    classes = [f"class{index}" for index in range(found[0]["prediction"].size)]
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(["filename", *COLUMNS, *classes])
    for row in found:
        numbers = [f"{value:g}" for value in row["prediction"].ravel()]
        writer.writerow([row["filename"], *map(int, row["window"]), *numbers])
    write_atomically(path, buffer.getvalue().encode())


def save_hdf5(path: str, found: list[dict]) -> None:
    """The datasets ``filename``, ``window`` (N, 4: ymin, xmin, ymax, xmax) and ``prediction`` (N, classes)."""
    import h5py
    import numpy as np

    from netdef.weights.atomic import write_atomically

    buffer = io.BytesIO()
    with h5py.File(buffer, "w") as file:
        file["filename"] = [row["filename"] for row in found]
        file["window"] = np.array([row["window"] for row in found], np.int64)
        file["prediction"] = np.array([row["prediction"].ravel() for row in found])
    write_atomically(path, buffer.getvalue())
