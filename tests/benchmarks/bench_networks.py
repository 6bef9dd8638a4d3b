"""Whole networks, forward and backward, beside PyTorch, ONNX Runtime and OpenCV, in turns; the table is Markdown.

    python -m tests.benchmarks.bench_networks [--rounds N] [--turn SECONDS] [--threads N] [--only WORD]

Each contestant is a process of its own that reads the same definition and weights; while one works, the others sleep.
First the outputs are compared, and with them the gradients of all weights where the row has a backward pass. A turn
counts its fastest pass. A time is the median of the turns; a ratio is the median of the rounds' own ratios, so that a
machine that slows down slows both, with the spread of the middle half of the rounds. A peer that is not installed is
named in its column.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tests.benchmarks import peers
from tests.benchmarks.networks import definition

# Of the norm. Where two values nearly tie, rounding decides which of them max pooling sends a gradient to.
OUTPUT_TOLERANCE, GRADIENT_TOLERANCE = 1e-3, 2e-2
ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Row:
    """A net at a batch size, forward alone or with its backward pass."""

    net: str
    batch: int
    both: bool = False

    def __str__(self) -> str:
        return f"{self.net} {'forward + backward' if self.both else 'forward'}, batch {self.batch}"


ROWS = [
    Row("LeNet", 1),
    Row("LeNet", 100),
    Row("AlexNet", 10, both=True),
    Row("CaffeNet", 10, both=True),
    Row("GoogLeNet", 10, both=True),
    Row("GoogLeNet", 10),
    Row("MobileNet v1", 1),
    Row("ResNet-50", 1),
    Row("VGG-16", 1),
]


def worker(name: str, folder: Path, threads: int, both: bool) -> None:
    """Answer each line on stdin, seconds or a file, with the fastest pass in seconds and the peak memory in MB.

    A turn of so many seconds has at least one pass. A file gets the results.
    """
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # whatever else prints shall not come between
    net = peers.contestant(name, folder, threads)
    step = net.both if both else net.forward
    for line in sys.stdin:
        fastest = float("inf")
        if line.strip().endswith(".npz"):
            np.savez(line.strip(), *net.results())
        else:
            end = time.perf_counter() + float(line)
            while fastest == float("inf") or time.perf_counter() < end:
                start = time.perf_counter()
                step()
                fastest = min(fastest, time.perf_counter() - start)
        print(fastest, peers.peak_memory(), file=answers, flush=True)


class Contestant:
    """A worker process."""

    def __init__(self, name: str, folder: Path, threads: int, both: bool, errors) -> None:
        command = [sys.executable, "-m", "tests.benchmarks.bench_networks", "--worker", name, "--folder", str(folder)]
        command += ["--threads", str(threads), *(["--both"] if both else [])]
        self.name = name
        self.process = subprocess.Popen(
            command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, text=True
        )

    def ask(self, line: object) -> tuple[float, float]:
        """(seconds, peak MB)."""
        print(line, file=self.process.stdin, flush=True)
        answer = self.process.stdout.readline()
        if not answer:
            raise SystemExit(f"{self.name} stopped; its messages are above.")
        seconds, peak = map(float, answer.split())
        return seconds, peak

    def close(self) -> None:
        self.process.communicate()


def compare(contestants: list[Contestant], folder: Path) -> None:
    """Stop where a contestant does not compute the same as netdef, the first."""
    wanted = None
    for one in contestants:
        file = folder / f"{one.name.replace(' ', '_')}.npz"
        one.ask(file)
        with np.load(file) as arrays:
            found = [arrays[key] for key in arrays.files]
        wanted = wanted or found
        for number, (ours, theirs) in enumerate(zip(wanted, found, strict=True)):
            difference, size = np.linalg.norm(ours.reshape(-1) - theirs.reshape(-1)), np.linalg.norm(ours)
            if not difference <= (GRADIENT_TOLERANCE if number else OUTPUT_TOLERANCE) * size:
                raise SystemExit(f"{one.name}: result {number} differs by {difference / size:g} of it from netdef's.")


def measure(row: Row, names: list[str], arguments) -> dict[str, tuple[list[float], float]]:
    """The milliseconds of each turn and the peak memory of each contestant."""
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryFile() as errors:
        path = Path(folder)
        peers.write_model(path, definition(row.net, row.batch, row.both))
        contestants = [Contestant(name, path, arguments.threads, row.both, errors) for name in names]
        try:
            compare(contestants, path)
            times: dict[str, tuple[list[float], float]] = {}
            for number in range(arguments.rounds + 1):
                for one in contestants[:: 1 if number % 2 else -1]:
                    seconds, peak = one.ask(arguments.turn)
                    turns = times.get(one.name, ([], 0))[0]
                    times[one.name] = (turns + [seconds * 1e3] if number else turns), peak  # round 0 warms up
        except SystemExit:
            errors.seek(0)
            sys.stderr.write(errors.read().decode(errors="replace"))
            raise
        finally:
            for one in contestants:
                one.close()
    return times


def cell(ours: list[float], theirs: list[float]) -> str:
    """A peer's time and netdef's over it."""
    ratios = [our / their for our, their in zip(ours, theirs)]
    low, middle, high = statistics.quantiles(ratios, n=4, method="inclusive") if len(ratios) > 1 else ratios * 3
    return f"{statistics.median(theirs):.4g}: {middle:.2f} ({low:.2f} to {high:.2f})"


def table_row(row: Row, times: dict[str, tuple[list[float], float]], is_here: dict[str, bool]) -> str:
    ours, peak = times["netdef"]
    cells = [str(row), f"{statistics.median(ours):.4g}"]
    for name in list(is_here)[1:]:
        if name in times:
            cells.append(cell(ours, times[name][0]))
        else:
            cells.append("not installed" if not is_here[name] else "has no backward pass")
    cells.append(", ".join(f"{name} {value:.0f}" for name, (_, value) in times.items()))
    return f"| {' | '.join(cells)} |"


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    options.add_argument("--rounds", type=int, default=7)
    options.add_argument("--turn", type=float, default=0.5)
    options.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    options.add_argument("--only", default="")
    for hidden in ("--worker", "--folder"):
        options.add_argument(hidden, help=argparse.SUPPRESS)
    options.add_argument("--both", action="store_true", help=argparse.SUPPRESS)
    arguments = options.parse_args()
    if arguments.worker:
        worker(arguments.worker, Path(arguments.folder), arguments.threads, arguments.both)
        return
    is_here = peers.present()
    for name, here in is_here.items():
        if not here:
            print(f"{name} is missing: pip install {peers.PACKAGES[peers.MODULES[name]]}, or netdef's extra bench")
    print(f"\n| ms, {arguments.threads} threads | {' | '.join(is_here)} | peak MB |")
    print(f"|{'---|' * (len(is_here) + 2)}")
    for row in ROWS:
        if arguments.only in str(row):
            names = [name for name in is_here if is_here[name] and (not row.both or name[:3] in ("net", "PyT"))]
            print(table_row(row, measure(row, names, arguments), is_here), flush=True)


if __name__ == "__main__":
    main()
