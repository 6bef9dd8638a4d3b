"""``netdef install-caffe-alias``: executables with the names of Caffe's programs, so that old shell scripts run."""

from __future__ import annotations

import os
import sys
from argparse import Namespace

from netdef.errors import DataError
from tools._cli import CommandParser

NAME = "install_caffe_alias"
HELP = "put executables named caffe, convert_imageset, ... into a folder"
EXAMPLES = [
    "netdef install_caffe_alias ~/bin",
    "netdef install_caffe_alias build/tools --overwrite",
]
PROGRAMS = {
    "caffe": "",
    "caffe.bin": "",
    "compute_image_mean": "compute_image_mean",
    "compute_image_mean.bin": "compute_image_mean",
    "convert_cifar_data": "convert_cifar",
    "convert_cifar_data.bin": "convert_cifar",
    "convert_imageset": "convert_imageset",
    "convert_imageset.bin": "convert_imageset",
    "convert_mnist_data": "convert_mnist",
    "convert_mnist_data.bin": "convert_mnist",
    "extract_features": "extract_features",
    "extract_features.bin": "extract_features",
}
MARK = "# made by netdef install_caffe_alias"


def add_arguments(parser: CommandParser) -> None:
    parser.add_argument("folder", metavar="DIR", help="where they go; made if it is not there")
    parser.add_argument("--overwrite", action="store_true", help="replace files of these names that are not ours")


def run(args: Namespace) -> int:
    folder = os.path.expanduser(args.folder)
    if os.path.exists(folder) and not os.path.isdir(folder):
        raise DataError(f'"{folder}" is a file; expected a folder, which is made where there is none. Choose another.')
    foreign = [name for name in PROGRAMS if _is_foreign(os.path.join(folder, name))]
    if foreign and not args.overwrite:
        raise DataError(
            f'"{os.path.join(folder, foreign[0])}" exists and was not made by netdef. '
            "Choose another folder, or give --overwrite."
        )
    os.makedirs(folder, exist_ok=True)
    for name, command in PROGRAMS.items():
        path = os.path.join(folder, name)
        if os.path.lexists(path):
            os.remove(path)
        with open(path, "w", encoding="utf-8") as file:
            file.write(_script(command))
        os.chmod(path, 0o755)
    print(f"{folder}: {', '.join(name for name in PROGRAMS if not name.endswith('.bin'))}")
    found = os.environ.get("PATH", "").split(os.pathsep)
    if os.path.abspath(folder) not in map(os.path.abspath, filter(None, found)):
        print(f'The folder is not in PATH; for the shell at hand: export PATH="{os.path.abspath(folder)}:$PATH"')
    return 0


def _is_foreign(path: str) -> bool:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return MARK not in file.read(500)
    except FileNotFoundError:
        return False


def _script(command: str) -> str:
    """A shell script that runs this netdef with this Python, from wherever it is called."""
    home = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    words = " ".join(filter(None, [_quoted(sys.executable), "-m tools.main", command]))
    return f'#!/bin/sh\n{MARK}\nPYTHONPATH={_quoted(home)}"${{PYTHONPATH:+:$PYTHONPATH}}" exec {words} "$@"\n'


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "'\\''") + "'"
