"""The solver's own part of a LeNet training step, and what a snapshot of a large model costs training.

    python -m tests.benchmarks.bench_solver [--rounds N] [--steps N] [--rule TYPE] [--folder FOLDER]

The solver's part is what a step takes longer than the net's forward and backward pass alone: clipping, regularization,
update, bookkeeping, and that the passes find less in the caches. A snapshot costs what the iterations from its start
until it is on disk take longer than as many others. FOLDER is where the snapshots go, the system's temporary folder if
not given; a disk in memory hides what fsync costs.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time

import numpy as np

from prototxt import parse_solver
from solvers import Solver, get_solver
from tests.benchmarks.bench_lenet import NET as LENET

OUTPUTS, INPUTS, BATCH = 8192, 8000, 16  # 262 MB of weights
WIDE = f"""
layer {{ name: "data" type: "Input" top: "data" input_param {{ shape {{ dim: {BATCH} dim: {INPUTS} }} }} }}
layer {{ name: "goal" type: "Input" top: "goal" input_param {{ shape {{ dim: {BATCH} dim: {OUTPUTS} }} }} }}
layer {{ name: "ip" type: "InnerProduct" bottom: "data" top: "ip" inner_product_param {{ num_output: {OUTPUTS} }} }}
layer {{ name: "loss" type: "EuclideanLoss" bottom: "ip" bottom: "goal" top: "loss" }}
"""
FIELDS = {"SGD": "momentum: 0.9", "Nesterov": "momentum: 0.9", "Adam": "momentum: 0.9", "AdaDelta": "momentum: 0.9"}


def make_solver(net: str, fields: str) -> Solver:
    return get_solver(
        parse_solver(
            f"net_param {{ {net} }} {fields} base_lr: 0.0001 lr_policy: 'inv' gamma: 0.0001 power: 0.75 "
            "max_iter: 1000000000 random_seed: 1"
        )
    )


def solver_share(rule: str, rounds: int, steps: int, clip: float = -1) -> tuple[float, float]:
    """Medians over the rounds: milliseconds of a step, and the solver's share of it."""
    found = []
    with make_solver(
        LENET, f'type: "{rule}" {FIELDS.get(rule, "")} weight_decay: 0.0005 clip_gradients: {clip}'
    ) as solver:
        net = solver.net
        rng = np.random.default_rng(1701)
        net.blobs["data"].data[...] = rng.random(net.blobs["data"].shape)
        net.blobs["label"].data[...] = rng.integers(0, 10, net.blobs["label"].shape)
        for weight, _ in net.params.values():
            weight.data[...] = rng.normal(0, 0.05, weight.shape)

        def passes(count: int) -> None:
            for _ in range(count):
                net.clear_param_diffs_later()
                net.run()
                net.run_backward()

        solver.step(20)
        passes(20)
        for _ in range(rounds):
            begun = time.perf_counter()
            solver.step(steps)
            between = time.perf_counter()
            passes(steps)
            whole, bare = between - begun, time.perf_counter() - between
            found.append((1000 * whole / steps, 1 - bare / whole))
    return tuple(statistics.median(column) for column in zip(*found, strict=True))


def snapshot_cost(folder: str, rounds: int) -> tuple[float, float, float]:
    """Medians in seconds: an iteration without snapshot, the wait when one starts, its cost until it is on disk.

    Each round times as many iterations before and after its snapshot as during it, on a machine that may be busy.
    """
    usual, waits, costs = [], [], []
    with make_solver(WIDE, f'momentum: 0.9 snapshot_prefix: "{folder}/wide" keep_newest: 1') as solver:
        solver.net.blobs["data"].data[...] = 0.01
        count = 4
        for number in range(rounds + 1):
            before = [timed_iteration(solver) for _ in range(count)]
            begun = time.perf_counter()
            solver._snapshot()
            wait = time.perf_counter() - begun
            during = []
            while solver._writer.busy:
                during.append(timed_iteration(solver))
            solver._writer.finish()
            beside = before[-len(during) :] + [timed_iteration(solver) for _ in during]
            count = max(len(during), 1)
            if number:  # the first round compiles, and touches memory for the first time
                usual.append(statistics.mean(beside))
                waits.append(wait)
                costs.append(wait + sum(during) - len(during) * usual[-1])
    return statistics.median(usual), statistics.median(waits), statistics.median(costs)


def timed_iteration(solver: Solver) -> float:
    """The seconds of one iteration, without the wait for a snapshot at the end of `Solver.step`."""
    begun = time.perf_counter()
    solver._iterate(solver.iter + 1)
    return time.perf_counter() - begun


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--steps", type=int, default=100)
    parser.add_argument("--rule", default="SGD")
    parser.add_argument("--folder")
    options = parser.parse_args()
    for clip, words in ((-1, ""), (35, " with clip_gradients")):
        milliseconds, share = solver_share(options.rule, options.rounds, options.steps, clip)
        print(
            f"LeNet step, batch 64, {options.rule}{words}: {milliseconds:.2f} ms, of which the solver {share:.1%} "
            "(at most 5 %)"
        )
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        usual, wait, cost = snapshot_cost(folder, options.rounds)
    size = 4 * OUTPUTS * (INPUTS + 1) / 1e6
    print(
        f"snapshot of {size:.0f} MB of weights and as much history: training waits {wait:.2f} s and loses {cost:.2f} s "
        f"(at most 1 s); an iteration takes {usual:.2f} s"
    )


if __name__ == "__main__":
    main()
