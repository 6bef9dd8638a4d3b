"""What pycaffe's classify.py and detect.py share, their options for preparing images, and the former's program.

Source: Caffe python/classify.py, python/detect.py.
"""

from __future__ import annotations

import glob
import os
import sys
import time
from argparse import Namespace
from typing import TYPE_CHECKING

from netdef.errors import DataError, UsageError
from tools._cli import CommandParser

if TYPE_CHECKING:
    import numpy as np

    from netdef.caffe import Classifier


def add_preparation(parser: CommandParser) -> None:
    parser.add_argument("--mean_file", default="", metavar="FILE", help="a .npy or binaryproto to subtract (none)")
    parser.add_argument("--input_scale", type=float, metavar="X", help="multiply the input with this in the end")
    parser.add_argument(
        "--raw_scale", type=float, default=255.0, metavar="X", help="multiply pixels, 0 to 1, with this first (255)"
    )
    parser.add_argument(
        "--channel_swap",
        metavar="A,B,C",
        help="the order of channels, '' for no change (2,1,0: blue first; no change for gray nets)",
    )


def note_gpu(args: Namespace) -> None:
    """Say that a GPU which was asked for is not used; pycaffe's ``--gpu`` takes no number."""
    if args.gpu:
        print("--gpu: netdef has no GPU code; it computes on the CPU.", file=sys.stderr)


def say_device(args: Namespace) -> None:
    note_gpu(args)
    print("CPU mode")


def swap_channels(net: Classifier, args: Namespace) -> None:
    """Set ``--channel_swap`` in the transformer of a Classifier or Detector. Raises: UsageError."""
    name = net.inputs[0]
    text = args.channel_swap
    if text is None:
        text = "2,1,0" if net.blobs[name].shape[1] == 3 else ""
    try:
        order = [int(part) for part in text.split(",")] if text else []
    except ValueError:
        raise UsageError(f'--channel_swap is "{text}"; expected whole numbers such as 2,1,0.') from None
    if order and sorted(order) != list(range(len(order))):
        raise UsageError(f"--channel_swap is {text}; expected each number from 0 to {len(order) - 1} once.")
    if order:
        net.transformer.set_channel_swap(name, order)


def mean_array(path: str) -> np.ndarray | None:
    """The mean in a .npy or binaryproto file, None for no name."""
    from netdef.data.mean import load_mean

    return load_mean(path) if path else None


def channel_mean(path: str) -> np.ndarray | None:
    """The mean of each channel, ``(K,)``, whatever size the mean image has; None for no name."""
    mean = mean_array(path)
    if mean is None or mean.ndim == 1:
        return mean
    if mean.ndim != 3:
        raise DataError(
            f'mean file "{path}" has shape {mean.shape}; expected (channels, height, width) or (channels,).'
        )
    return mean.mean(axis=(1, 2))


# -- classify.py -------------------------------------------------------------------------------------------------


def add_classify(parser: CommandParser) -> None:
    """The options of pycaffe's classify.py: with ``--model_def`` it is its program that runs."""
    parser.add_argument(
        "--model_def",
        metavar="FILE",
        help="in place of --model: work as pycaffe's classify.py, whose arguments are INPUT_FILE (an image, a folder "
        "or a .npy) and OUTPUT_FILE (a .npy); the options below belong to it",
    )
    parser.add_argument("--pretrained_model", metavar="FILE", help="trained weights")
    parser.add_argument(
        "--center_only", action="store_true", help="look at the centre alone, not at ten crops of each image"
    )
    parser.add_argument(
        "--images_dim", default="256,256", metavar="H,W", help="the size images are resized to (256,256)"
    )
    parser.add_argument("--ext", default="jpg", help="what the images in a folder end in (jpg)")
    add_preparation(parser)


def classify(args: Namespace) -> int:
    """pycaffe's classify.py: the predictions of every input as one array in a .npy file."""
    from netdef.caffe import Classifier
    from netdef.data.mean import save_array
    from netdef.weights.atomic import check_writable

    source, target = _two_files(args)
    check_writable(target)
    dims = _dims(args.images_dim)
    say_device(args)
    classifier = Classifier(
        args.model_def,
        args.pretrained_model,
        image_dims=dims,
        mean=mean_array(args.mean_file),
        input_scale=args.input_scale,
        raw_scale=args.raw_scale,
    )
    swap_channels(classifier, args)
    inputs = _inputs(source, args.ext, classifier.blobs[classifier.inputs[0]].shape[1] != 1)
    print(f"Classifying {len(inputs)} inputs.")
    began = time.perf_counter()
    predictions = classifier.predict(inputs, not args.center_only)
    print(f"Done in {time.perf_counter() - began:.2f} s.")
    print(f"Saving results into {target}")
    save_array(target if target.endswith(".npy") else f"{target}.npy", predictions)
    return 0


def _two_files(args) -> list[str]:
    if not args.pretrained_model:
        raise UsageError(
            "netdef classify: --pretrained_model is missing. Give --pretrained_model FILE: trained weights."
        )
    if len(args.image) != 2:
        raise UsageError(
            f"netdef classify: with --model_def, found {len(args.image)} files; expected two, the input (an image, a "
            "folder or a .npy) and the .npy to write."
        )
    return args.image


def _dims(text: str) -> list[int]:
    try:
        height, width = (int(part) for part in text.split(","))
    except ValueError:
        raise UsageError(f'--images_dim is "{text}"; expected height,width such as 256,256.') from None
    if min(height, width) < 1:
        raise UsageError(f"--images_dim is {text}; both must be 1 or more.")
    return [height, width]


def _inputs(source: str, ext: str, color: bool) -> list:
    """The images of a .npy, a folder or a file, as ``(H, W, K)`` arrays."""
    from netdef.caffe.io import load_image
    from netdef.data.mean import read_array

    source = os.path.expanduser(source)
    if source.endswith("npy"):
        print(f"Loading file: {source}")
        array = read_array(source)
        if array.ndim != 4 or not len(array):
            raise DataError(f'array "{source}" has shape {array.shape}; expected (N, height, width, channels).')
        return list(array)
    if not os.path.isdir(source):
        print(f"Loading file: {source}")
        return [load_image(source, color)]
    print(f"Loading folder: {source}")
    names = sorted(glob.glob(os.path.join(glob.escape(source), f"*.{ext}")))
    if not names:
        raise DataError(f'"{source}" holds no *.{ext}. Name another folder, or another --ext.')
    return [load_image(name, color) for name in names]
