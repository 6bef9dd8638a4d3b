"""How long netdef's parser and protobuf's text_format take over one definition, in turns.

    python -m tests.benchmarks.bench_parser [net.prototxt ...] [--rounds N]

Without a file: the largest definition in ../shared/zoo, else a net of 200 convolutions made here. The
ratio is the median of the rounds' own ratios, so that a machine that slows down slows both.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from pathlib import Path

from google.protobuf import text_format

from prototxt import parse, schema, to_text

ZOO = Path(__file__).resolve().parents[3] / "shared" / "zoo"


def made_here() -> str:
    """A definition of about 60 KB."""
    net = schema.NetParameter(name="made here")
    for i in range(200):
        layer = net.layer.add(name=f"conv{i}", type="Convolution", bottom=[f"conv{i - 1}"], top=[f"conv{i}"])
        layer.param.add(lr_mult=1, decay_mult=1)
        layer.param.add(lr_mult=2, decay_mult=0)
        options = layer.convolution_param
        options.num_output, options.kernel_size[:], options.pad[:] = 64 + i, [3], [1]
        options.weight_filler.type, options.weight_filler.std = "gaussian", 0.01
    return to_text(net)


def seconds(run: Callable[[], object]) -> float:
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def compare(name: str, text: str, rounds: int) -> None:
    """Print the median milliseconds of both and the paired ratio."""
    pairs = [
        (
            seconds(lambda: text_format.Parse(text, schema.NetParameter())),
            seconds(lambda: parse(text, schema.NetParameter)),
        )
        for _ in range(rounds + 1)
    ][1:]  # the first round fills caches
    theirs, ours = (statistics.median(times) * 1e3 for times in zip(*pairs, strict=True))
    ratio = statistics.median(their / our for their, our in pairs)
    size = f"{len(text) / 1000:.0f} KB"
    print(f"{name} ({size}): text_format {theirs:.1f} ms, netdef {ours:.1f} ms, {ratio:.1f} times faster")


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    options.add_argument("files", nargs="*", type=Path)
    options.add_argument("--rounds", type=int, default=21)
    arguments = options.parse_args()
    files = arguments.files or sorted(ZOO.rglob("*.prototxt"), key=lambda file: file.stat().st_size)[-1:]
    for file in files:
        compare(file.name, file.read_text(encoding="utf-8"), arguments.rounds)
    if not files:
        compare("net made here", made_here(), arguments.rounds)


if __name__ == "__main__":
    main()
