"""``netdef resize``: image files in one size, before a database is made of them.

Source: Caffe tools/extra/resize_and_crop_images.py.
"""

from __future__ import annotations

from argparse import Namespace

from netdef.errors import DataError, UsageError
from tools._cli import CommandParser, positive_number

NAME = "resize"
HELP = "bring image files to one size"
EXAMPLES = [
    "netdef resize --input_folder photos --output_folder small --output_side_length 256",
    "netdef resize --input_folder photos --output_folder small --width 64 --height 48 cat.jpg dogs/rex.png",
]
ENDINGS = (".jpg", ".jpeg", ".png", ".bmp", ".gif", ".tif", ".tiff", ".webp")


def add_arguments(parser: CommandParser) -> None:
    parser.add_argument(
        "image", nargs="*", metavar="IMAGE", help="names within the input folder (all images in it, subfolders too)"
    )
    parser.add_argument("--input_folder", required=True, metavar="FOLDER", help="where the images are")
    parser.add_argument("--output_folder", required=True, metavar="FOLDER", help="where they are written, same names")
    parser.add_argument(
        "--output_side_length",
        type=positive_number,
        default=256,
        metavar="N",
        help="the shorter side is resized to N pixels, and the central square of N x N is kept (256)",
    )
    parser.add_argument("--width", type=positive_number, metavar="W", help="with --height: resize to W x H instead")
    parser.add_argument("--height", type=positive_number, metavar="H", help="see --width")


def run(args: Namespace) -> int:
    from pathlib import Path

    if (args.width is None) != (args.height is None):
        raise UsageError("netdef resize: --width and --height are given together or not at all.")
    source, target = Path(args.input_folder), Path(args.output_folder)
    if not source.is_dir():
        raise DataError(f'"{source}" is not a folder; expected the folder of the images. Correct the path.')
    if source.resolve() == target.resolve():
        raise UsageError("netdef resize: the images would be overwritten. Give another --output_folder.")
    names = args.image or _images(source, target)
    if not names:
        raise DataError(f'"{source}" holds no image ({", ".join(ENDINGS)}). Correct the path.')
    wrong = [name for name in names if not name.lower().endswith(ENDINGS)]
    if wrong:
        raise UsageError(f'netdef resize: "{wrong[0]}" does not end as images do: {", ".join(ENDINGS)}.')
    for name in names:
        _resize(source / name, target / name, args)
    print(f"{target}: {len(names)} images.")
    return 0


def _images(source, target) -> list[str]:
    return sorted(
        str(path.relative_to(source))
        for path in source.rglob("*")
        if path.suffix.lower() in ENDINGS and path.is_file() and target not in path.parents
    )


def _resize(source, target, args) -> None:
    """Write one image; what its name ends in says how."""
    from PIL import Image, ImageOps

    from netdef.data.image import check_file, open_image

    with open_image(source, check_file(source)) as image:
        image = ImageOps.exif_transpose(image)
        if image.mode not in ("L", "RGB", "RGBA"):
            image = image.convert("RGB")
        if target.suffix.lower() in (".jpg", ".jpeg") and image.mode == "RGBA":
            image = image.convert("RGB")
        if args.width:
            result = image.resize((args.width, args.height), Image.Resampling.LANCZOS)
        else:
            side = args.output_side_length
            result = ImageOps.fit(image, (side, side), Image.Resampling.LANCZOS)
    target.parent.mkdir(parents=True, exist_ok=True)
    result.save(target)
