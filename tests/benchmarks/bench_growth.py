"""How time per image grows with batch, image side and threads, and time and memory with the records of an LMDB.

    python -m tests.benchmarks.bench_growth [--records N] [--plot FILE.svg] [--turn SECONDS]

The tables are Markdown; ``--plot`` draws them too (the extra ``plot``). Times are those of the fastest pass of a turn.
Memory is what the process holds besides files that are mapped into it, in a process of its own for each database.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from tests.benchmarks.bench_lenet import NET as LENET
from tests.benchmarks.bench_roofline import fastest

BATCHES = tuple(2**power for power in range(10))
SIDES = (28, 56, 112, 224, 448)
READ = 200  # batches
BATCH = 64
PICTURES = """
layer {{ name: "data" type: "Input" top: "data" input_param {{ shape {{ dim: 4 dim: 1 dim: {side} dim: {side} }} }} }}
layer {{ name: "conv1" type: "Convolution" bottom: "data" top: "conv1"
        convolution_param {{ num_output: 20 kernel_size: 5 weight_filler {{ type: "xavier" }} }} }}
layer {{ name: "pool1" type: "Pooling" bottom: "conv1" top: "pool1" pooling_param {{ kernel_size: 2 stride: 2 }} }}
layer {{ name: "conv2" type: "Convolution" bottom: "pool1" top: "conv2"
        convolution_param {{ num_output: 50 kernel_size: 5 weight_filler {{ type: "xavier" }} }} }}
layer {{ name: "pool2" type: "Pooling" bottom: "conv2" top: "pool2" pooling_param {{ kernel_size: 2 stride: 2 }} }}
layer {{ name: "sum" type: "Reduction" bottom: "pool2" top: "sum" loss_weight: 1 }}
"""


def passes(text: str, turn: float) -> tuple[float, float]:
    """Seconds of a forward pass, and of a forward and backward pass."""
    from netdef.net import Net
    from prototxt import parse_net, schema

    with Net(parse_net(text), schema.TRAIN, seed=1) as net:
        net.blobs["data"].data[...] = np.random.default_rng(1).standard_normal(net.blobs["data"].shape)

        def both() -> None:
            net.run()
            net.run_backward()

        net.run()
        both()
        return fastest(net.run, turn), fastest(both, turn)


def by_batch(turn: float) -> list[tuple]:
    """(batch, microseconds an image forward, forward and backward) of LeNet."""
    rows = []
    for batch in BATCHES:
        times = passes(LENET.replace("dim: 64", f"dim: {batch}"), turn)
        rows.append((batch, *(1e6 * seconds / batch for seconds in times)))
    return rows


def by_side(turn: float) -> list[tuple]:
    """(side, microseconds an image forward, both, nanoseconds a pixel both) of LeNet's convolutions, batch 4."""
    rows = []
    for side in SIDES:
        times = [seconds / 4 for seconds in passes(PICTURES.format(side=side), turn)]
        rows.append((side, *(1e6 * seconds for seconds in times), 1e9 * times[1] / side**2))
    return rows


def by_threads(turn: float) -> list[tuple]:
    """(threads, milliseconds of LeNet's forward and backward pass at batch 64, times as fast as one thread)."""
    from netdef.kernels._jit import available_threads, num_threads, set_threads

    before, rows, one = num_threads(), [], 0.0
    try:
        for threads in range(1, available_threads() + 1):
            set_threads(threads)
            both = 1e3 * passes(LENET, turn)[1]
            one = one or both
            rows.append((threads, both, one / both))
    finally:
        set_threads(before)
    return rows


def by_records(most: int) -> list[tuple]:
    """(records, megabytes on disk, microseconds a record read, megabytes of memory) of LMDBs of 8x8 images."""
    rows, records = [], 1000
    while records <= most:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "lmdb"
            write_database(path, records)
            size = sum(file.stat().st_size for file in path.iterdir()) / 1e6
            command = [sys.executable, "-m", "tests.benchmarks.bench_growth", "--read", str(path)]
            root = Path(__file__).resolve().parents[2]
            out = subprocess.run(command, cwd=root, check=True, stdout=subprocess.PIPE, text=True).stdout
            rows.append((records, size, *map(float, out.split())))
        records *= 10
    return rows


def write_database(path: Path, records: int) -> None:
    """An LMDB of so many noisy 8x8 images."""
    from netdef.data.datum import encode_datum
    from netdef.data.lmdb_writer import LmdbWriter

    rng = np.random.default_rng(1)
    datums = [encode_datum(rng.integers(0, 256, (1, 8, 8), np.uint8), number % 10) for number in range(256)]
    with LmdbWriter(path) as writer:
        for number in range(records):
            writer.put(f"{number:08d}", datums[number % 256])


def read_database(path: str) -> None:
    """Print microseconds a record and megabytes of memory of a Data layer that reads for a while."""
    from netdef.net import Net
    from prototxt import parse_net, schema

    source = f'data_param {{ source: "{path}" backend: LMDB batch_size: {BATCH} }}'
    with Net(parse_net(f'layer {{ name: "d" type: "Data" top: "d" top: "l" {source} }}'), schema.TRAIN) as net:
        net.run()
        start = time.perf_counter()
        for _ in range(READ):
            net.run()
        print(1e6 * (time.perf_counter() - start) / (READ * BATCH), memory())


def memory() -> float:
    """Megabytes that this process holds, mapped files left out where the system tells them apart."""
    status = Path("/proc/self/status")
    lines = status.read_text().splitlines() if status.exists() else []
    held = [int(line.split()[1]) for line in lines if line.startswith("RssAnon")]
    return (held[0] if held else resource.getrusage(resource.RUSAGE_SELF).ru_maxrss) / 1024


TABLES = {
    "LeNet by batch": ("batch", "us an image, forward", "us an image, forward + backward"),
    "LeNet's convolutions by image side, batch 4": (
        "side", "us an image, forward", "us an image, forward + backward", "ns a pixel, forward + backward"),
    "LeNet, batch 64, by threads": ("threads", "ms, forward + backward", "times as fast as one thread"),
    "LMDB by records": ("records", "MB on disk", "us a record", "MB of memory"),
}  # fmt: skip


def table(columns: tuple[str, ...], rows: list[tuple]) -> str:
    """Rows as Markdown."""
    lines = [f"| {' | '.join(columns)} |", f"|{'---|' * len(columns)}"]
    lines += [f"| {first} | {' | '.join(f'{value:.4g}' for value in rest)} |" for first, *rest in rows]
    return "\n".join(lines)


def draw(results: dict[str, list[tuple]], path: str) -> None:
    """One panel for each table, everything from its second column on, in the house's colours."""
    import matplotlib
    from matplotlib.figure import Figure

    from netdef.report.plot import COLORS, GRID, INK, save_plot

    figure = Figure(figsize=(9, 6.4), layout="constrained")
    for axis, (title, rows) in zip(figure.subplots(2, 2).flat, results.items()):
        columns, at = TABLES[title], [row[0] for row in rows]
        for number, column in enumerate(columns[1:], 1):
            values = [row[number] for row in rows]
            axis.plot(at, values, color=COLORS[number - 1], marker="o", markersize=4, label=column)
        if columns[0] != "threads":
            axis.set_xscale("log", base=10 if columns[0] == "records" else 2)
            axis.set_yscale("log")
        else:
            axis.set_xticks(at)
            axis.set_ylim(bottom=0)
        axis.set_title(title, color=INK, fontsize=10)
        axis.set_xlabel(columns[0], color=INK)
        axis.grid(color=GRID)
        axis.legend(fontsize=7, frameon=False)
    with matplotlib.rc_context({"svg.fonttype": "none"}):  # letters as letters: a tenth of the size
        save_plot(figure, path)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    options.add_argument("--records", type=int, default=1_000_000)
    options.add_argument("--plot")
    options.add_argument("--turn", type=float, default=0.2)
    options.add_argument("--read", help=argparse.SUPPRESS)
    arguments = options.parse_args()
    if arguments.read:
        read_database(arguments.read)
        return
    print(f"{len(os.sched_getaffinity(0))} threads")
    found = (
        by_batch(arguments.turn),
        by_side(arguments.turn),
        by_threads(arguments.turn),
        by_records(arguments.records),
    )
    results = dict(zip(TABLES, found))
    for title, rows in results.items():
        print(f"\n{title}\n\n{table(TABLES[title], rows)}", flush=True)
    if arguments.plot:
        draw(results, arguments.plot)


if __name__ == "__main__":
    main()
