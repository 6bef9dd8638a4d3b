"""What pycaffe sets for the whole process: mode and device, the random seed, the log, the place among solvers.

Source: Caffe python/caffe/_caffe.cpp:41-72, 356-378, src/caffe/common.cpp.
"""

from __future__ import annotations

import os
import sys
import time

from netdef.errors import UsageError
from netdef.layer import LAYERS
from netdef.random import set_default_seed
from solvers.log import Log

SEVERITIES = {"I": 0, "W": 1, "E": 2}


class ProcessLog(Log):
    """The log of nets and solvers made from Python: standard error, as of glog's minimal severity.

    The severity is what `init_log` was given, else ``GLOG_minloglevel`` (0 all, 1 warnings, 2 errors, 3 nothing).
    """

    def __init__(self) -> None:
        super().__init__()
        self.min_level: int | None = None

    def level(self) -> int:
        if self.min_level is not None:
            return self.min_level
        word = os.environ.get("GLOG_minloglevel", "").strip()
        return int(word) if word.isdigit() else 0

    def _write(self, severity: str, source: str, message: str) -> None:
        if SEVERITIES[severity] >= self.level():
            self.stream = sys.stderr  # looked up now: notebooks and tests put another one in its place
            super()._write(severity, source, message)


LOG = ProcessLog()


def init_log(level: int | None = None, stderr: bool = True) -> None:
    """Log what is at least as severe as ``level``: 0 all, 1 warnings, 2 errors.

    Differs from Caffe: lines always go to standard error, where Caffe without ``stderr`` writes files of its own.
    """
    if level is not None:
        LOG.min_level = int(level)


def log(message: str) -> None:
    """Write one line into the log."""
    LOG.info("_caffe.cpp:63", str(message))


def set_random_seed(seed: int) -> None:
    """Make the nets that are built from now on repeatable: fillers, dropout, data augmentation."""
    set_default_seed(int(seed))


def set_mode_cpu() -> None:
    """Compute on the CPU: the only mode there is, so nothing changes."""


def set_mode_gpu() -> None:
    """Accepted for the sake of old scripts: a warning, and the CPU computes."""
    LOG.warning("common.cpp:152", "set_mode_gpu: netdef has no GPU code; it computes on the CPU.")


def set_device(device: int) -> None:
    """Accepted for the sake of old scripts: a warning, and the CPU computes."""
    LOG.warning("common.cpp:152", f"set_device({device}): netdef has no GPU code; it computes on the CPU.")


def layer_type_list() -> list[str]:
    """The registered layer types, sorted."""
    return LAYERS.names()


# -- several solvers -------------------------------------------------------------------------------------------

_solvers = {"count": 1, "rank": 0, "multiprocess": False}


def solver_count() -> int:
    """How many solvers train together, 1 unless `set_solver_count` said otherwise."""
    return _solvers["count"]


def set_solver_count(count: int) -> None:
    """Note how many solvers train together. Raises: UsageError for fewer than 1."""
    if count < 1:
        raise UsageError(f"solver count is {count}; expected 1 or more.")
    _solvers["count"] = int(count)


def solver_rank() -> int:
    """This solver's number among them, from 0."""
    return _solvers["rank"]


def set_solver_rank(rank: int) -> None:
    """Note this solver's number. Raises: UsageError for one below 0."""
    if rank < 0:
        raise UsageError(f"solver rank is {rank}; expected 0 or more.")
    _solvers["rank"] = int(rank)


def set_multiprocess(multiprocess: bool) -> None:
    """Note whether solvers run in processes of their own."""
    _solvers["multiprocess"] = bool(multiprocess)


def has_nccl() -> bool:
    """Whether gradients can be shared among GPUs: no."""
    return False


class NCCL:
    """What a pycaffe without NCCL has under this name: it can be made, and does nothing."""

    def __init__(self, solver: object, uid: str) -> None:
        self.solver = solver
        self.uid = uid


class Timer:
    """A stopwatch: ``start()``, ``stop()``, then ``ms``, the milliseconds between them."""

    def __init__(self) -> None:
        self._began = 0.0
        self._ended = 0.0

    def start(self) -> None:
        self._began = self._ended = time.perf_counter()

    def stop(self) -> None:
        self._ended = time.perf_counter()

    @property
    def ms(self) -> float:
        return (self._ended - self._began) * 1000
