"""Single layers, forward and backward, beside PyTorch's, in turns; the table is Markdown.

    python -m tests.benchmarks.bench_layers [--rounds N] [--turn MILLISECONDS] [--threads N] [--only WORD]

Each contestant is a process of its own, with the same bottoms, parameters and gradients; while one works, the others
sleep. First the outputs and gradients are compared. A turn counts its fastest step; a time is the median of the
turns, and a ratio the median of the rounds' own ratios to PyTorch's faster layout, so that a machine that slows down
slows both, with the spread of the middle half of the rounds.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from tests.benchmarks.bench_lenet import PEERS
from tests.benchmarks.layer_cases import BATCH, CASES, Case

TOLERANCE = 1e-3  # of the largest value
PASSES = "forward", "backward"


class NetdefLayer:
    """One case in netdef."""

    def __init__(self, case: Case, _channels_last: bool) -> None:
        from prototxt import schema
        from tests.support.nets import run_layer

        bottoms, params = case.arrays()
        self.case = case
        self.run = run_layer(case.text, bottoms, schema.TEST if case.test else schema.TRAIN, params=params)
        self.down = [self.run.layer.allow_force_backward(i) for i in range(len(bottoms))]
        if "LSTM" in case.text:
            self.down[1] = False
        if not case.labels:
            self.run.top[0].diff[...] = top_diff(self.run.top[0].shape)

    def forward(self) -> None:
        self.run.layer.forward(self.run.bottom, self.run.top)

    def backward(self) -> None:
        self.run.layer.backward(self.run.top, self.down, self.run.bottom)

    def results(self) -> list[np.ndarray]:
        """Top, gradients of the bottoms and of the parameters."""
        for blob in self.run.layer.blobs:
            blob.diff[...] = 0
        self.forward()
        self.backward()
        diffs = [blob.diff for blob, wanted in zip(self.run.bottom, self.down) if wanted]
        return [self.run.top[0].data, *diffs, *(blob.diff for blob in self.run.layer.blobs[: self.case.learned])]


class TorchLayer:
    """One case in PyTorch."""

    def __init__(self, case: Case, channels_last: bool) -> None:
        import torch

        bottoms, params = case.arrays()
        layout = torch.channels_last if channels_last else torch.contiguous_format

        def laid_out(array):
            tensor = torch.from_numpy(array)
            return tensor.contiguous(memory_format=layout) if tensor.dim() == 4 else tensor

        self.bottoms = [laid_out(array) for array in bottoms]
        self.params = [laid_out(array) for array in params]
        self.sources = self.bottoms[: 1 if case.labels or "LSTM" in case.text else None]
        if case.labels:
            self.bottoms[1] = self.bottoms[1].long()
        else:
            self.sources = self.sources + self.params[: case.learned]
        for tensor in self.sources:
            tensor.requires_grad_()
        self.function = case.peer(torch, self.params)
        if not case.same_params:
            self.learned = list(self.function.__closure__[0].cell_contents.parameters())
        self.gradients = torch.autograd.grad
        self.extra = [] if case.same_params else self.learned
        self.forward()
        self.start = None if case.labels else laid_out(top_diff(tuple(self.top.shape)))

    def forward(self) -> None:
        self.top = self.function(*self.bottoms)

    def backward(self) -> None:
        self.found = self.gradients(self.top, [*self.sources, *self.extra], self.start)

    def results(self) -> list[np.ndarray]:
        self.forward()
        self.backward()
        return [tensor.detach().numpy() for tensor in (self.top, *self.found[: len(self.sources)])]


def top_diff(shape: tuple[int, ...]) -> np.ndarray:
    return np.random.default_rng(7).standard_normal(shape, np.float32)


def worker(name: str, threads: int) -> None:
    """Answer each "case steps [file]" on stdin with the fastest forward and backward in seconds.

    With a file it gets the results.
    """
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # whatever else prints shall not come between
    if name == "netdef":
        from netdef.kernels._jit import set_threads

        set_threads(threads)
    else:
        import torch

        torch.set_num_threads(threads)
    current, layer = None, None
    for line in sys.stdin:
        number, steps, *file = line.split()
        if number != current:
            layer = None  # its memory is free before the next one's is taken
            make = NetdefLayer if name == "netdef" else TorchLayer
            current, layer = number, make(CASES[int(number)], "last" in name)
        if file:
            np.savez(file[0], *layer.results())
        print(*timed(layer, int(steps)), file=answers, flush=True)


def timed(layer: NetdefLayer | TorchLayer, steps: int) -> tuple[float, float]:
    times = []
    for _ in range(steps):
        begun = time.perf_counter()
        layer.forward()
        between = time.perf_counter()
        layer.backward()
        times.append((between - begun, time.perf_counter() - between))
    return tuple(map(min, zip(*times)))


class Contestant:
    """A worker process."""

    def __init__(self, name: str, threads: int, errors) -> None:
        command = [sys.executable, "-m", "tests.benchmarks.bench_layers", "--worker", name, "--threads", str(threads)]
        root = Path(__file__).resolve().parents[2]
        self.process = subprocess.Popen(
            command, cwd=root, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, text=True
        )

    def time(self, number: int, steps: int, file: Path | str = "") -> tuple[float, float]:
        """Seconds forward and backward."""
        print(number, steps, file, file=self.process.stdin, flush=True)
        answer = self.process.stdout.readline()
        if not answer:
            raise SystemExit(
                f"{self.process.args[4]} stopped at {CASES[number].name}; its messages were printed above."
            )
        return tuple(map(float, answer.split()))

    def close(self) -> None:
        self.process.stdin.close()
        self.process.wait()


def compare(case: Case, files: dict[str, Path]) -> None:
    """Stop where the contestants do not compute the same."""
    wanted = list(np.load(files["netdef"]).values())
    for name in files:
        for index, (got, want) in enumerate(zip(np.load(files[name]).values(), wanted, strict=True)):
            if got.size != want.size:
                raise SystemExit(f"{case.name}: result {index} has shape {got.shape}, netdef's {want.shape}.")
            error = np.abs(got.reshape(want.shape) - want).max()
            if not error <= TOLERANCE * np.abs(want).max():
                raise SystemExit(f"{case.name}: result {index} of {name} is off by {error:.3g}: not the same work.")


def race(number: int, contestants: dict[str, Contestant], rounds: int, turn: float, folder: Path) -> dict[str, list]:
    """The times of each turn, (forward, backward) in ms, by contestant; every other round in reverse order."""
    case = CASES[number]
    names = [name for name in contestants if case.by_channel or "last" not in name]
    files = {name: folder / f"{index}.npz" for index, name in enumerate(names)}
    for name in names:
        contestants[name].time(number, 1, files[name])
    compare(case, files)
    steps = {name: max(1, round(turn / 1e3 / sum(contestants[name].time(number, 2)))) for name in names}
    times: dict[str, list] = {name: [] for name in names}
    for turn_number in range(rounds):
        for name in names[:: 1 if turn_number % 2 else -1]:
            times[name].append([1e3 * seconds for seconds in contestants[name].time(number, min(steps[name], 50))])
    return times


def row(case: Case, times: dict[str, list]) -> str:
    """A line of the table: per pass netdef's median, that of PyTorch's faster layout, the ratio and its spread."""
    cells = []
    for index in range(len(PASSES)):
        columns = {name: [turn[index] for turn in turns] for name, turns in times.items()}
        ours = columns.pop("netdef")
        cells.append(f"{statistics.median(ours):.2f}")
        if not columns:
            cells += ["", ""]
            continue
        best = min(columns, key=lambda name: statistics.median(columns[name]))
        low, middle, high = statistics.quantiles([our / their for our, their in zip(ours, columns[best])], n=4)
        layout = " (last)" if "last" in best else ""
        cells += [f"{statistics.median(columns[best]):.2f}{layout}", f"{middle:.2f} ({low:.2f} to {high:.2f})"]
    return f"| {case.name} | {' | '.join(cells)} |"


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    options.add_argument("--rounds", type=int, default=7)
    options.add_argument("--turn", type=float, default=40, help="milliseconds")
    options.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    options.add_argument("--only", default="", help="cases with this word in their name")
    options.add_argument("--worker", help=argparse.SUPPRESS)
    arguments = options.parse_args()
    if arguments.rounds < 2:
        options.error(f"--rounds is {arguments.rounds}; the spread of ratios needs 2 or more.")
    if arguments.worker:
        worker(arguments.worker, arguments.threads)
        return
    load = os.getloadavg()[0]
    print(f"Single layers, batch {BATCH}, {arguments.threads} threads, load {load:.1f} before the start")
    present = {name for name, module in PEERS.items() if not module or importlib.util.find_spec(module)}
    for name in sorted(set(PEERS) - present):
        print(f"{name}: not installed (pip install torch)")
    print(
        "\n| ms | netdef forward | PyTorch | ratio | netdef backward | PyTorch | ratio |\n|---|---|---|---|---|---|---|"
    )
    with tempfile.TemporaryFile() as errors, tempfile.TemporaryDirectory() as folder:
        contestants = {name: Contestant(name, arguments.threads, errors) for name in PEERS if name in present}
        try:
            for number, case in enumerate(CASES):
                if arguments.only in case.name:
                    times = race(number, contestants, arguments.rounds, arguments.turn, Path(folder))
                    print(row(case, times), flush=True)
        except SystemExit:
            errors.seek(0)
            sys.stderr.write(errors.read().decode(errors="replace"))
            raise
        finally:
            for one in contestants.values():
                one.close()


if __name__ == "__main__":
    main()
