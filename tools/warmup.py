"""``netdef warmup``: compiles kernels ahead, in several processes, so that no run has to wait for them."""

from __future__ import annotations

import contextlib
import os
import sys
from argparse import Namespace
from pathlib import Path
from time import perf_counter
from typing import Any

from netdef import notices
from netdef.errors import NetdefError
from tools._cli import CommandParser, comma_list, positive_number

NAME = "warmup"
HELP = "compile the kernels ahead, once, so that no run waits for them"
EXAMPLES = [
    "netdef warmup",
    "netdef warmup --layers Convolution,Pooling,InnerProduct --dtype both",
    "netdef warmup --solver lenet_solver.prototxt",
    "netdef warmup --model deploy.prototxt --jobs 4 --quiet",
]
DTYPES = {"float32": ["float32"], "float64": ["float64"], "both": ["float32", "float64"]}
SWITCH = "NETDEF_WARMUP"  # 0: a run compiles what it lacks one after another


def add_arguments(parser: CommandParser) -> None:
    parser.add_argument("--model", type=comma_list, default=[], metavar="FILE,FILE", help="only what these nets need")
    parser.add_argument("--solver", metavar="FILE", help="only what this solver and its nets need")
    parser.add_argument(
        "--layers", type=comma_list, default=[], metavar="TYPE,TYPE", help="only what layers of these types need"
    )
    parser.add_argument("--dtype", choices=tuple(DTYPES), default="float32", help="the type of numbers (float32)")
    parser.add_argument("--jobs", type=positive_number, metavar="N", help="how many processes compile (all cores)")
    parser.add_argument("--quiet", action="store_true", help="print nothing but errors")


def run(args: Namespace) -> int:
    from tools._warm_jobs import Crew, cores, progress

    _refuse_without_cache()
    before, start = _cached(), perf_counter()
    request = {"models": args.model, "solver": args.solver, "layers": args.layers, "dtypes": DTYPES[args.dtype]}
    with Crew(args.jobs or cores(), progress(not args.quiet)) as crew:
        crew.compile(request, finish=True)
    for trouble in crew.troubles:
        print(f"Warning: {trouble}", file=sys.stderr)
    if not args.quiet:
        count, size, folder = _cached()
        print(f"Compiled {count - before[0]} kernels in {perf_counter() - start:.0f} s.")
        print(f"The cache, {folder}, has {count} kernels in {size / 1e6:.1f} MB.")
    return 1 if crew.troubles else 0


def warm_at_first_need(**request: Any) -> None:
    """Where a run meets the first kernel that is not compiled yet, compile all that it needs in several processes.

    ``request`` is for `tools._warm_tasks.plan`. A definition that is wrong is left to the run, which says so.
    """
    from tools._warm_jobs import Crew, cores, progress

    if os.environ.get(SWITCH) == "0" or cores() == 1:
        return
    tell = notices.on_first_compilation

    def warm() -> None:
        if tell is not None:
            tell()
        with contextlib.suppress(NetdefError), Crew(cores(), progress(tell is not None)) as crew:
            crew.compile(request)

    notices.on_first_compilation = warm


def _refuse_without_cache() -> None:
    import numba

    from netdef.kernels._cache import cache_folders, writable_folder

    if numba.config.DISABLE_JIT:
        raise NetdefError("NUMBA_DISABLE_JIT is set, so nothing is compiled. Take it out of the environment.")
    if writable_folder() is None:
        raise NetdefError(
            f"no folder for compiled kernels can be written: {', '.join(map(str, cache_folders()))}. Set "
            "NUMBA_CACHE_DIR to a folder that you can write."
        )


def _cached() -> tuple[int, int, Path]:
    """How many kernels the cache has, their bytes, and its folder."""
    from netdef.kernels._cache import writable_folder

    folder = writable_folder() or Path()
    sizes = [file.stat().st_size for file in folder.glob("*.kernel")]
    return len(sizes), sum(sizes), folder
