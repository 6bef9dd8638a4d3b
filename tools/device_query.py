"""``netdef device_query``: what this machine gives netdef to compute with."""

from __future__ import annotations

import os
import platform
import sys
from argparse import Namespace
from pathlib import Path

from tools._cli import CommandParser
from tools._options import add_gpu, add_threads, note_gpu, use_threads

NAME = "device_query"
HELP = "show the processor, threads, BLAS and caches that netdef uses"
EXAMPLES = ["netdef device_query", "netdef device_query --threads 1"]


def add_arguments(parser: CommandParser) -> None:
    add_gpu(parser)
    add_threads(parser)


def run(args: Namespace) -> int:
    note_gpu(args)
    use_threads(args)
    for title, value in facts():
        print(f"{title + ':':<17}{value}")
    return 0


def facts() -> list[tuple[str, str]]:
    """Pairs of title and value, in the order in which they are printed."""
    import numba

    threads = numba.get_num_threads()  # starts the threads, so that their layer is known
    return [
        ("processor", processor()),
        ("cores", f"{usable_cores()} usable of {os.cpu_count()}"),
        ("threads", f"{threads} (--threads or NUMBA_NUM_THREADS choose another number)"),
        ("threading layer", numba.threading_layer()),
        ("BLAS", blas()),
        ("GPU", "not used: netdef computes on the CPU"),
        ("kernel cache", kernel_cache()),
        ("versions", versions()),
    ]


def processor() -> str:
    """The model's name where the system tells it, else its architecture."""
    table = Path("/proc/cpuinfo")
    lines = table.read_text(encoding="utf-8", errors="replace").splitlines() if table.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def usable_cores() -> int:
    """Cores that this process may run on: fewer than the machine's inside a container with a core set."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def blas() -> str:
    """The library that SciPy brings, which the kernels call."""
    import scipy.linalg.cython_blas  # noqa: F401  (loads the library that is asked about)
    from threadpoolctl import threadpool_info

    found = [pool for pool in threadpool_info() if pool["user_api"] == "blas"]
    ours = [pool for pool in found if "scipy" in Path(pool["filepath"]).parent.name] or found
    if not ours:
        return "SciPy's, of unknown make"
    return " ".join(str(ours[0][key]) for key in ("internal_api", "version", "architecture") if ours[0].get(key))


def kernel_cache() -> str:
    """The folder in which Numba keeps compiled kernels."""
    from netdef.kernels.random import hash_uniform

    if not hasattr(hash_uniform, "stats"):
        return "none: NUMBA_DISABLE_JIT is set, so kernels run as plain Python, very slowly"
    return str(hash_uniform.stats.cache_path)


def versions() -> str:
    import numba
    import numpy
    import scipy

    import netdef

    python = ".".join(map(str, sys.version_info[:3]))
    return (
        f"netdef {netdef.__version__}, Python {python}, NumPy {numpy.__version__}, "
        f"SciPy {scipy.__version__}, Numba {numba.__version__}"
    )
