"""``netdef run``: run a Python script that was written for pycaffe.

``import caffe`` and its submodules give `netdef.caffe`, whatever is in ``sys.path``; ``import Image`` gives Pillow's
module, as it did when such scripts were young. Everything else is as with ``python script.py args``.
"""

from __future__ import annotations

import importlib
import os
import runpy
import sys
import traceback
from argparse import Namespace

from netdef.errors import Location, NetdefError
from tools._cli import CommandParser

NAME = "run"
HELP = "run a Python script in which import caffe means netdef"
EXAMPLES = [
    "netdef run mnist_test.py samples/4.png",
    "GLOG_minloglevel=2 netdef run train.py --solver lenet_solver.prototxt",
]
WORDS_FOLLOW = True  # what stands behind the first word belongs to the script


def add_arguments(parser: CommandParser) -> None:
    parser.add_argument("script", metavar="SCRIPT", help="a Python file")
    parser.add_argument("words", nargs="*", metavar="ARG", help="what the script finds in sys.argv")


def run(args: Namespace) -> int:
    from netdef import old_scripts

    path = os.path.abspath(args.script)
    if not os.path.isfile(path):
        found = "is a folder" if os.path.isdir(path) else "does not exist"
        raise NetdefError(f"{found}; expected a Python script. Correct the path.", location=Location(args.script))
    old_scripts.install()
    _offer_pillow_as_image()
    saved = sys.argv, sys.path[:]
    sys.argv = [args.script, *args.words]
    sys.path.insert(0, os.path.dirname(path))
    try:
        runpy.run_path(path, run_name="__main__")
    except SyntaxError as error:
        if error.filename is None or os.path.abspath(error.filename) != path:
            raise
        raise _not_python(args.script, error) from None
    except SystemExit as end:
        return _status(end)
    except Exception as error:  # the script's own: shown as Python shows it, from the script's first line on
        _show(error, path)
        return 1
    finally:
        sys.argv, sys.path[:] = saved
    return 0


def _offer_pillow_as_image() -> None:
    """``import Image`` is how Python 2 knew the Python Imaging Library."""
    if importlib.util.find_spec("Image") is None:
        sys.modules.setdefault("Image", importlib.import_module("PIL.Image"))


def _status(end: SystemExit) -> int:
    if end.code is None or isinstance(end.code, int):
        return end.code or 0
    print(end.code, file=sys.stderr)
    return 1


def _show(error: Exception, path: str) -> None:
    """Print the traceback without the frames that lead to the script."""
    frames = error.__traceback__
    while frames is not None and os.path.abspath(frames.tb_frame.f_code.co_filename) != path:
        frames = frames.tb_next
    traceback.print_exception(type(error), error, frames or error.__traceback__)


def _not_python(script: str, error: SyntaxError) -> NetdefError:
    line = (error.text or "").rstrip("\n")
    word = line.strip().partition(" ")[0]
    advice = "Correct the script."
    if word in ("print", "exec", "raise", "except") or "xrange" in line or "Missing parentheses" in (error.msg or ""):
        advice = "It looks like Python 2; convert it, with 2to3 or by hand: print(x), except Error as error."
    place = Location(script, error.lineno or 0, error.offset or 0, line)
    reason = str(error.msg).partition(". ")[0]  # the interpreter's own advice falls away
    return NetdefError(f"is not Python {sys.version_info[0]}: {reason}. {advice}", location=place)
