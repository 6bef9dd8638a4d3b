"""A LeNet training step (batch 64, SGD with momentum and weight decay) beside PyTorch's, in turns.

    python -m tests.benchmarks.bench_lenet [--rounds N] [--steps N] [--threads N]

Each contestant is a process of its own, with the same weights and images; while one trains, the others sleep.
First the losses of a few steps are compared. A ratio is the median of the rounds' own ratios, so that a machine
that slows down slows both; the spread is that of the middle half of the rounds.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

BATCH, RATE, MOMENTUM, DECAY = 64, 0.01, 0.9, 0.0005
SHAPES = {"conv1": (20, 1, 5, 5), "conv2": (50, 20, 5, 5), "ip1": (500, 800), "ip2": (10, 500)}
PEERS = {"netdef": "", "torch, NCHW": "torch", "torch, channels last": "torch"}

NET = """
layer { name: "data" type: "Input" top: "data" input_param { shape { dim: 64 dim: 1 dim: 28 dim: 28 } } }
layer { name: "label" type: "Input" top: "label" input_param { shape { dim: 64 } } }
layer { name: "conv1" type: "Convolution" bottom: "data" top: "conv1" param { lr_mult: 1 } param { lr_mult: 2 }
        convolution_param { num_output: 20 kernel_size: 5 } }
layer { name: "pool1" type: "Pooling" bottom: "conv1" top: "pool1" pooling_param { kernel_size: 2 stride: 2 } }
layer { name: "conv2" type: "Convolution" bottom: "pool1" top: "conv2" param { lr_mult: 1 } param { lr_mult: 2 }
        convolution_param { num_output: 50 kernel_size: 5 } }
layer { name: "pool2" type: "Pooling" bottom: "conv2" top: "pool2" pooling_param { kernel_size: 2 stride: 2 } }
layer { name: "ip1" type: "InnerProduct" bottom: "pool2" top: "ip1" param { lr_mult: 1 } param { lr_mult: 2 }
        inner_product_param { num_output: 500 } }
layer { name: "relu1" type: "ReLU" bottom: "ip1" top: "ip1" }
layer { name: "ip2" type: "InnerProduct" bottom: "ip1" top: "ip2" param { lr_mult: 1 } param { lr_mult: 2 }
        inner_product_param { num_output: 10 } }
layer { name: "loss" type: "SoftmaxWithLoss" bottom: "ip2" bottom: "label" top: "loss" }
"""


def starting_point() -> dict[str, np.ndarray]:
    """Weights, images and labels, the same for every contestant."""
    rng = np.random.default_rng(1701)
    values = {"data": rng.random((BATCH, 1, 28, 28)), "label": rng.integers(0, 10, BATCH)}
    for name, shape in SHAPES.items():
        scale = (3 / np.prod(shape[1:])) ** 0.5
        values[name] = rng.uniform(-scale, scale, shape)
    return {name: value if name == "label" else value.astype(np.float32) for name, value in values.items()}


def netdef_trainer(threads: int):
    """A function that takes so many steps and returns the last loss."""
    from netdef.kernels._jit import set_threads
    from prototxt import parse_solver
    from solvers import get_solver

    set_threads(threads)
    fields = f'base_lr: {RATE} momentum: {MOMENTUM} weight_decay: {DECAY} lr_policy: "fixed" max_iter: 1000000000'
    solver = get_solver(parse_solver(f"net_param {{ {NET} }} {fields} snapshot_after_train: false"))
    for name, value in starting_point().items():
        if name in SHAPES:
            solver.net.params[name][0].data[...] = value
            solver.net.params[name][1].data[...] = 0
        else:
            solver.net.blobs[name].data[...] = value

    def train(steps: int) -> float:
        solver.step(steps)
        return float(solver.net.blobs["loss"].data)

    return train


def torch_trainer(threads: int, channels_last: bool):
    """The same for PyTorch."""
    import torch
    from torch import nn

    torch.set_num_threads(threads)
    values = {name: torch.from_numpy(value) for name, value in starting_point().items()}
    layers = {
        "conv1": nn.Conv2d(1, 20, 5),
        "conv2": nn.Conv2d(20, 50, 5),
        "ip1": nn.Linear(800, 500),
        "ip2": nn.Linear(500, 10),
    }
    for name, layer in layers.items():
        layer.weight.data.copy_(values[name])
        layer.bias.data.zero_()
    net = nn.Sequential(
        layers["conv1"], nn.MaxPool2d(2), layers["conv2"], nn.MaxPool2d(2), nn.Flatten(), layers["ip1"],
        nn.ReLU(inplace=True), layers["ip2"],
    )  # fmt: skip
    data = values["data"]
    if channels_last:
        net, data = net.to(memory_format=torch.channels_last), data.to(memory_format=torch.channels_last)
    groups = [
        {"params": [p for p in net.parameters() if p.dim() > 1], "lr": RATE},
        {"params": [p for p in net.parameters() if p.dim() == 1], "lr": 2 * RATE},
    ]
    optimizer = torch.optim.SGD(groups, momentum=MOMENTUM, weight_decay=DECAY)
    criterion = nn.CrossEntropyLoss()

    def train(steps: int) -> float:
        for _ in range(steps):
            optimizer.zero_grad(set_to_none=True)
            loss = criterion(net(data), values["label"])
            loss.backward()
            optimizer.step()
        return float(loss)

    return train


def worker(name: str, threads: int) -> None:
    """Answer each number of steps on stdin with seconds, loss and peak megabytes."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # whatever else prints shall not come between
    train = netdef_trainer(threads) if name == "netdef" else torch_trainer(threads, "last" in name)
    for line in sys.stdin:
        start = time.perf_counter()
        loss = train(int(line))
        seconds = time.perf_counter() - start
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(seconds, loss, peak, file=answers, flush=True)


class Contestant:
    """A worker process."""

    def __init__(self, name: str, threads: int, errors) -> None:
        command = [sys.executable, "-m", "tests.benchmarks.bench_lenet", "--worker", name, "--threads", str(threads)]
        root = Path(__file__).resolve().parents[2]
        self.process = subprocess.Popen(
            command, cwd=root, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, text=True
        )

    def train(self, steps: int) -> tuple[float, float, float]:
        """(seconds, loss, peak MB)."""
        print(steps, file=self.process.stdin, flush=True)
        answer = self.process.stdout.readline()
        if not answer:
            raise SystemExit(f"{self.process.args[4]} stopped; its messages were printed above.")
        seconds, loss, peak = map(float, answer.split())
        return seconds, loss, peak

    def close(self) -> None:
        self.process.stdin.close()
        self.process.wait()


def compare_losses(contestants: dict[str, Contestant]) -> None:
    """Stop where the contestants do not compute the same."""
    losses = {name: [one.train(1)[1] for _ in range(5)] for name, one in contestants.items()}
    for name, values in losses.items():
        if not np.allclose(values, losses["netdef"], rtol=1e-4):
            raise SystemExit(f"{name} has the losses {values}, netdef {losses['netdef']}: not the same work.")
    print(f"losses of the first 5 steps agree: {', '.join(f'{value:.5f}' for value in losses['netdef'])}")


def report(times: dict[str, list[float]], peaks: dict[str, float]) -> None:
    """Medians, and netdef's time over each peer's with the spread of the middle half."""
    ours = times["netdef"]
    for name, values in times.items():
        middle = statistics.median(values)
        line = f"{name:21s} {middle:6.2f} ms a step, best {min(values):6.2f}, peak {peaks[name]:4.0f} MB"
        if name != "netdef":
            low, middle, high = statistics.quantiles([our / their for our, their in zip(ours, values)], n=4)
            line += f"   netdef takes {middle:.2f} of it ({low:.2f} to {high:.2f})"
        print(line)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    options.add_argument("--rounds", type=int, default=15)
    options.add_argument("--steps", type=int, default=20)
    options.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    options.add_argument("--worker", help=argparse.SUPPRESS)
    arguments = options.parse_args()
    if arguments.rounds < 2:
        options.error(f"--rounds is {arguments.rounds}; the spread of ratios needs 2 or more.")
    if arguments.worker:
        worker(arguments.worker, arguments.threads)
        return
    load = os.getloadavg()[0]
    print(f"LeNet training step, batch {BATCH}, {arguments.threads} threads, load {load:.1f} before the start")
    present = {name for name, module in PEERS.items() if not module or importlib.util.find_spec(module)}
    for name in sorted(set(PEERS) - present):
        print(f"{name}: not installed (pip install torch)")
    with tempfile.TemporaryFile() as errors:
        contestants = {name: Contestant(name, arguments.threads, errors) for name in PEERS if name in present}
        try:
            race(contestants, arguments.rounds, arguments.steps)
        except SystemExit:
            errors.seek(0)
            sys.stderr.write(errors.read().decode(errors="replace"))
            raise
        finally:
            for one in contestants.values():
                one.close()


def race(contestants: dict[str, Contestant], rounds: int, steps: int) -> None:
    """Compare, then time in turns; every other round in reverse order."""
    compare_losses(contestants)
    times: dict[str, list[float]] = {name: [] for name in contestants}
    peaks: dict[str, float] = {}
    for number in range(rounds + 1):
        for name in list(contestants)[:: 1 if number % 2 else -1]:
            seconds, _, peaks[name] = contestants[name].train(steps)
            if number:  # the first round warms up
                times[name].append(seconds / steps * 1e3)
    report(times, peaks)


if __name__ == "__main__":
    main()
