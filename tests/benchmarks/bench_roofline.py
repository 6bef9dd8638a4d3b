"""The ten passes of layers that take longest, against what the machine could do; the table is Markdown.

    python -m tests.benchmarks.bench_roofline [--net LeNet|GoogLeNet|…] [--batch N] [--threads N]

A pass can take no less than its arithmetic at the speed of register tiles on matrices that lie in the first-level
cache, and no less than its bytes at the speed of a copy. Both speeds are measured first. The arithmetic of a forward
pass is twice its multiply-accumulates, and each gradient's as much again; layers without any are held against memory
alone. The bytes are those of all arrays that the pass must read or write, each once; small ones lie in a cache, so that
a pass may well be faster than that. So may 3x3 convolutions, which by Winograd's method need fewer multiplications than
are counted.
"""

from __future__ import annotations

import argparse
import os
import threading
import time
from dataclasses import dataclass

import numpy as np

from netdef.net import Net, Step
from netdef.report.macs import count_macs
from prototxt import parse_net, schema
from tests.benchmarks.networks import definition
from tests.benchmarks.peers import inputs_of

DEFAULTS = (("LeNet", 64), ("GoogLeNet", 10))
ROWS = 10
CALLS = 200


@dataclass(frozen=True)
class Pass:
    """One layer's forward or backward pass: operations, bytes and seconds."""

    name: str
    operations: float
    bytes: float
    seconds: float


def fastest(function, seconds: float = 0.15, least: int = 3) -> float:
    """The shortest of the times that a call takes, over so many seconds and calls at least."""
    times: list[float] = []
    end = time.perf_counter() + seconds
    while len(times) < least or time.perf_counter() < end:
        start = time.perf_counter()
        function()
        times.append(time.perf_counter() - start)
    return min(times)


def peak_operations() -> float:
    """Operations a second of one thread's multiply tiles, on matrices that stay in the first-level cache."""
    from netdef.kernels.gemm import multiply_rows
    from netdef.kernels.tiles import TILE_BYTES, TILE_ROWS

    rows, columns, depth = 40 * TILE_ROWS, TILE_BYTES // 4, 96
    a, b, c = (np.ones(size, np.float32) for size in (rows * depth, depth * columns, rows * columns))
    zeros, places = np.zeros(rows, np.float32), np.arange(rows) * columns
    numbers = (
        rows, columns, depth, a, np.arange(rows) * depth, np.arange(depth), b, np.arange(depth) * columns, zeros, False,
        True, 1,
    )  # fmt: skip

    def multiply() -> None:
        for _ in range(CALLS):
            multiply_rows.serial(*numbers, c, places)

    return CALLS * 2 * rows * columns * depth / fastest(multiply)


def copy_speed(threads: int) -> float:
    """Bytes a second, read and written, that ``threads`` threads copy between arrays too large for caches."""
    pairs = [(np.ones(1 << 26, np.float32), np.zeros(1 << 26, np.float32)) for _ in range(threads)]

    def copy() -> None:
        crew = [threading.Thread(target=np.copyto, args=(target, source)) for source, target in pairs]
        for one in crew:
            one.start()
        for one in crew:
            one.join()

    return 2 * threads * pairs[0][0].nbytes / fastest(copy)


def passes(net: Net) -> list[Pass]:
    """Every layer's passes, timed one layer after another."""
    net.run()
    net.run_backward()
    found = []
    for step in net.steps:
        if step.bottom:
            found.append(_forward(step))
        if step.needs_backward:
            found.append(_backward(step))
    return found


def title(step: Step) -> str:
    """The layer's type, window and shapes."""
    bottom, top = (blob.shape[1:] for blob in (step.bottom[0], step.top[0]))
    sizes = {"Convolution": step.node.param.convolution_param.kernel_size}.get(step.node.type, [])
    window = f" {sizes[0]}x{sizes[0]}" if sizes else ""
    return f"{step.node.type}{window}, {'x'.join(map(str, bottom))} to {'x'.join(map(str, top)) or 'a number'}"


def _macs(step: Step) -> int:
    shapes = [[blob.shape for blob in blobs] for blobs in (step.bottom, step.top, step.layer.blobs)]
    return count_macs(step.node.param, *shapes)


def _bytes(blobs) -> int:
    return sum(blob.count for blob in {id(blob): blob for blob in blobs}.values()) * 4


def _forward(step: Step) -> Pass:
    moved = _bytes(step.bottom) + _bytes(step.top) + _bytes(step.layer.blobs)
    seconds = fastest(lambda: step.layer.forward(step.bottom, step.top))
    return Pass(f"{title(step)} forward", 2 * _macs(step), moved, seconds)


def _backward(step: Step) -> Pass:
    needed = [blob for blob, wanted in zip(step.bottom, step.bottom_needs_backward) if wanted]
    gradients = bool(needed) + any(step.layer.param_propagate_down)
    moved = _bytes(step.top) + _bytes(needed) + 2 * _bytes(step.layer.blobs)
    if step.layer.blobs or needed:
        moved += _bytes(step.bottom)
    seconds = fastest(lambda: step.layer.backward(step.top, step.bottom_needs_backward, step.bottom))
    return Pass(f"{title(step)} backward", 2 * _macs(step) * gradients, moved, seconds)


def table(found: list[Pass], operations: float, copied: float) -> list[str]:
    """The heaviest passes as lines of Markdown."""
    total = sum(one.seconds for one in found)
    lines = ["| pass | ms | of all | GFLOP | MB | FLOP a byte | GFLOP/s | GB/s | of the limit |", f"|{'---|' * 9}"]
    for one in sorted(found, key=lambda one: -one.seconds)[:ROWS]:
        limit = max(one.operations / operations, one.bytes / copied)
        bound = "arithmetic" if one.operations / operations >= one.bytes / copied else "memory"
        lines.append(
            f"| {one.name} | {one.seconds * 1e3:.3g} | {one.seconds / total:.0%} | {one.operations / 1e9:.3g} "
            f"| {one.bytes / 1e6:.3g} | {one.operations / one.bytes:.1f} | {one.operations / one.seconds / 1e9:.0f} "
            f"| {one.bytes / one.seconds / 1e9:.1f} | {limit / one.seconds:.0%} ({bound}) |"
        )
    return lines


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    options.add_argument("--net")
    options.add_argument("--batch", type=int, default=10)
    options.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    arguments = options.parse_args()
    from netdef.kernels._jit import set_threads

    set_threads(arguments.threads)
    operations, copied = arguments.threads * peak_operations(), copy_speed(arguments.threads)
    print(f"{arguments.threads} threads: {operations / 1e9:.0f} GFLOP/s, {copied / 1e9:.1f} GB/s copied")
    for name, batch in ((arguments.net, arguments.batch),) if arguments.net else DEFAULTS:
        with Net(parse_net(definition(name, batch, loss=True)), schema.TRAIN, seed=1) as net:
            net.blobs["data"].data[...], net.blobs["label"].data[...] = inputs_of(net.blobs["data"].shape, 10)
            found = passes(net)
        total = sum(one.seconds for one in found)
        limit = sum(max(one.operations / operations, one.bytes / copied) for one in found)
        print(
            f"\n{name}, batch {batch}: the passes take {total * 1e3:.4g} ms; the limits add up to {limit * 1e3:.4g}\n"
        )
        print("\n".join(table(found, operations, copied)), flush=True)


if __name__ == "__main__":
    main()
