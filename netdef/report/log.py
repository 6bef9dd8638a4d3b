"""A training log, Caffe's or netdef's own, as numbers.

Read are the lines of Caffe src/caffe/solver.cpp:223-244, 347, 414 and solvers/sgd_solver.cpp:112, with glog's prefix
of either age (``I1121 04:48:29.10`` or, with the year, ``I20261121 04:48:29.10``) or none; NVIDIA's and Intel's forks
put the number of a solver before them, ``[0] Iteration …`` or ``[0.0] …``. Other lines are passed over.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from netdef.errors import NetdefError

NUMBER = r"(?P<{0}>[-+]?(?:\d+\.?\d*(?:[eE][-+]?\d+)?|nan(?:\(ind\))?|inf))"
PREFIX = re.compile(
    r"[IWEF](?P<year>\d{4})?(?P<month>\d\d)(?P<day>\d\d) (?P<time>\d\d:\d\d:\d\d(?:\.\d+)?)\s+\d+ [^\]]*\] ?"
)
STEP = re.compile(
    r"Iteration (?P<iteration>\d+)(?: \([^)]*\))?(?:, [\d./]+ep)?, (?P<what>loss|lr) = " + NUMBER.format("value")
)
SOLVER_NUMBER = re.compile(r"\[\d+(?:\.\d+)?\]\s+")
TEST = re.compile(r"Iteration (?P<iteration>\d+), Testing net \(#(?P<net>\d+)\)")
OUTPUT = re.compile(
    r"(?P<phase>Train|Test) net output #\d+: (?P<name>.+?) = "
    + NUMBER.format("value")
    + r"(?P<weighted> \(\*.*loss\))?"
)

Series = dict[int, float]  # iteration -> value; what is logged again, after a resume, replaces what was


@dataclass
class TrainingLog:
    """What one log tells.

    ``loss`` (the smoothed one) and ``lr`` by iteration; ``train`` and ``test`` outputs by name, the latter by
    (test net, name); ``losses`` are the names of outputs with a loss weight; ``seconds`` since the first line,
    by iteration; ``began`` is when, on that clock, the last run announced itself ("Solving …").
    """

    path: str
    loss: Series = field(default_factory=dict)
    lr: Series = field(default_factory=dict)
    train: dict[str, Series] = field(default_factory=dict)
    test: dict[tuple[int, str], Series] = field(default_factory=dict)
    losses: set[str] = field(default_factory=set)
    seconds: Series = field(default_factory=dict)
    began: float = 0.0

    @property
    def last_iteration(self) -> int:
        return max([*self.loss, *self.lr, *(i for series in self.test.values() for i in series)], default=0)


def value_of(text: str) -> float:
    """A number as a log writes it; Windows writes ``nan(ind)``."""
    return float(text.replace("(ind)", ""))


def read_log(path: str | Path) -> TrainingLog:
    """The numbers of a log file. Raises: NetdefError when it cannot be read or is no training log."""
    try:
        text = Path(path).read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        raise NetdefError(f'log "{path}" cannot be read: {error.strerror}. Correct the path.') from error
    log = parse_log(text, str(path))
    if not log.loss and not log.test:
        lines = len(text.splitlines())
        raise NetdefError(
            f'log "{path}" has {lines} line{"" if lines == 1 else "s"}, none of them like "Iteration 100, loss = 0.25" '
            'or "Test net output #0: accuracy = 0.98". Name the log of a training run.'
        )
    return log


def parse_log(text: str, path: str = "<text>") -> TrainingLog:
    """The numbers in the text of a log."""
    reader = _Reader(TrainingLog(path))
    for line in text.splitlines():
        reader.read(line)
    return reader.log


class _Reader:
    """Goes through the lines and remembers what an output line belongs to."""

    def __init__(self, log: TrainingLog) -> None:
        self.log = log
        self.iteration = 0
        self.net = 0
        self.clock: datetime | None = None
        self.elapsed = 0.0

    def read(self, line: str) -> None:
        prefix = PREFIX.match(line)
        if prefix:
            self._advance(prefix)
            line = line[prefix.end() :]
        line = SOLVER_NUMBER.sub("", line.strip(), count=1) if line.lstrip().startswith("[") else line.strip()
        if line.startswith("Solving "):
            self.log.began = self.elapsed
        if match := STEP.match(line):
            self.iteration = int(match["iteration"])
            series = self.log.loss if match["what"] == "loss" else self.log.lr
            series[self.iteration] = value_of(match["value"])
            self._note_time(prefix)
        elif match := TEST.match(line):
            self.iteration, self.net = int(match["iteration"]), int(match["net"])
            self._note_time(prefix)
        elif match := OUTPUT.match(line):
            self._output(match)

    def _output(self, match: re.Match) -> None:
        name = match["name"]
        if match["weighted"]:
            self.log.losses.add(name)
        if match["phase"] == "Train":
            series = self.log.train.setdefault(name, {})
        else:
            series = self.log.test.setdefault((self.net, name), {})
        series[self.iteration] = value_of(match["value"])

    def _note_time(self, prefix: re.Match | None) -> None:
        if prefix:
            self.log.seconds[self.iteration] = self.elapsed

    def _advance(self, prefix: re.Match) -> None:
        """Add the time since the last line; where a year is not given, a step back is its turn or a resume."""
        text = f"{prefix['year'] or 2000}-{prefix['month']}-{prefix['day']} {prefix['time']}"
        try:
            now = datetime.fromisoformat(_six_digits(text))
        except ValueError:  # the 31st of June: not a time, so it tells nothing
            return
        if self.clock is not None:
            step = now - self.clock
            if step < timedelta(days=-300) and not prefix["year"]:
                step += timedelta(days=366)
            self.elapsed += max(step.total_seconds(), 0.0)
        self.clock = now


def _six_digits(text: str) -> str:
    """A fraction of a second in the six digits that `datetime` reads."""
    whole, point, fraction = text.partition(".")
    return f"{whole}.{fraction[:6]:0<6}" if point else whole


def points(series: Series) -> tuple[list[int], list[float]]:
    """Iterations in order and their values; values that are not numbers leave a gap in a line."""
    order = sorted(series)
    return order, [series[i] if math.isfinite(series[i]) else math.nan for i in order]
