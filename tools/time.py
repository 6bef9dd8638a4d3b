"""``netdef time``: how long each layer takes forward and backward, in Caffe's words.

Numbers have C++'s six digits (``:g``). Source: Caffe tools/caffe.cpp:328-417.
"""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Callable
from time import perf_counter
from typing import TYPE_CHECKING

from tools import _options
from tools._cli import CommandParser

if TYPE_CHECKING:
    from netdef.net import Net
    from solvers.log import Log

NAME = "time"
HELP = "measure how long each layer takes, forward and backward"
EXAMPLES = [
    "netdef time --model lenet_train_test.prototxt --iterations 50",
    "netdef time -model deploy.prototxt -phase TEST -iterations 10 --threads 1",
]


def add_arguments(parser: CommandParser) -> None:
    parser.add_argument("--model", required=True, metavar="FILE", help="the net's definition")
    _options.add_iterations(parser, 50, "how many passes")
    _options.add_state(parser)
    _options.add_seed(parser)
    _options.add_log(parser)
    _options.add_gpu(parser)
    _options.add_threads(parser)


def run(args: Namespace) -> int:
    _options.use_threads(args)
    with _options.open_log(args) as log:
        _options.note_device(args, log, "caffe.cpp:343")
        with _options.open_net(args, "TRAIN") as net:
            log.info("caffe.cpp:351", "Performing Forward")
            log.info("caffe.cpp:356", f"Initial loss: {net.run():g}")
            log.info("caffe.cpp:357", "Performing Backward")
            net.run_backward()
            log.info("caffe.cpp:365", "*** Benchmark begins ***")
            log.info("caffe.cpp:366", f"Testing for {args.iterations} iterations.")
            measure(net, args.iterations, log)
            log.info("caffe.cpp:415", "*** Benchmark ends ***")
    return 0


def measure(net: Net, iterations: int, log: Log) -> None:
    """Runs the passes and logs the time of each, the means of each layer and the means of the whole."""
    forward = [0.0] * len(net.layers)
    backward = [0.0] * len(net.layers)
    begin = perf_counter()
    for iteration in range(1, iterations + 1):
        start = perf_counter()
        for index in range(len(net.layers)):
            forward[index] += seconds(net.forward_from_to, index, index)
        for index in reversed(range(len(net.layers))):
            backward[index] += seconds(net.backward_from_to, index, index)
        spent = 1e3 * (perf_counter() - start)
        log.info("caffe.cpp:394", f"Iteration: {iteration} forward-backward time: {spent:g} ms.")
    total = 1e3 * (perf_counter() - begin)
    scale = 1e3 / iterations
    log.info("caffe.cpp:397", "Average time per layer: ")
    for name, ahead, back in zip(net.layer_names, forward, backward, strict=True):
        log.info("caffe.cpp:400", f"{name:>10}\tforward: {ahead * scale:g} ms.")
        log.info("caffe.cpp:403", f"{name:>10}\tbackward: {back * scale:g} ms.")
    log.info("caffe.cpp:408", f"Average Forward pass: {sum(forward) * scale:g} ms.")
    log.info("caffe.cpp:410", f"Average Backward pass: {sum(backward) * scale:g} ms.")
    log.info("caffe.cpp:412", f"Average Forward-Backward: {total / iterations:g} ms.")
    log.info("caffe.cpp:414", f"Total Time: {total:g} ms.")


def seconds(function: Callable, *arguments: object) -> float:
    """The wall-clock time of one call."""
    start = perf_counter()
    function(*arguments)
    return perf_counter() - start
