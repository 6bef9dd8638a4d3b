"""``netdef test``: scores a net on its own data and prints Caffe's lines: one for each batch, then the means.

Numbers have C++'s six digits (``:g``). Source: Caffe tools/caffe.cpp:256-324.
"""

from __future__ import annotations

from argparse import Namespace
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tools import _options
from tools._cli import CommandParser, comma_list

if TYPE_CHECKING:
    from netdef.net import Net
    from solvers.log import Log

NAME = "test"
HELP = "score a net: accuracy and loss over batches of its own data"
EXAMPLES = [
    "netdef test --model lenet_train_test.prototxt --weights lenet_iter_10000.caffemodel --iterations 100",
    "netdef test -model train_val.prototxt -weights a.caffemodel,b.caffemodel -phase TEST",
]


@dataclass
class Score:
    """One number of one output blob, summed over the batches."""

    name: str
    loss_weight: float
    total: float = 0.0


def add_arguments(parser: CommandParser) -> None:
    parser.add_argument("--model", required=True, metavar="FILE", help="the net's definition")
    parser.add_argument(
        "--weights", required=True, type=comma_list, metavar="FILE,FILE", help="trained weights, one or more"
    )
    _options.add_iterations(parser, 50, "how many batches")
    _options.add_state(parser)
    _options.add_seed(parser)
    _options.add_log(parser)
    _options.add_gpu(parser)
    _options.add_threads(parser)


def run(args: Namespace) -> int:
    _options.use_threads(args)
    with _options.open_log(args) as log:
        _options.note_device(args, log, "caffe.cpp:275")
        with _options.open_net(args, "TEST", share_memory=True) as net:
            _options.load_weights(net, args.weights, log)
            log.info("caffe.cpp:281", f"Running for {args.iterations} iterations.")
            loss, scores = score(net, args.iterations, log)
        log.info("caffe.cpp:309", f"Loss: {loss:g}")
        for line in mean_lines(scores, args.iterations):
            log.info("caffe.cpp:321", line)
    return 0


def score(net: Net, iterations: int, log: Log) -> tuple[float, list[Score]]:
    """Runs ``iterations`` batches; returns the mean loss and the sums of every output number."""
    weights = net.blob_loss_weights
    scores: list[Score] = []
    loss = 0.0
    for batch in range(iterations):
        loss += net.run()
        numbers = [(name, float(value)) for name in net.outputs for value in net.blobs[name].data.flat]
        if not scores:
            scores = [Score(name, weights[name]) for name, _ in numbers]
        for entry, (name, value) in zip(scores, numbers, strict=True):
            entry.total += value
            log.info("caffe.cpp:304", f"Batch {batch}, {name} = {value:g}")
    return loss / iterations, scores


def mean_lines(scores: list[Score], iterations: int) -> list[str]:
    """``loss = 0.0579519 (* 1 = 0.0579519 loss)``: the mean of each number, and what it adds to the loss."""
    lines = []
    for entry in scores:
        mean = entry.total / iterations
        part = f" (* {entry.loss_weight:g} = {entry.loss_weight * mean:g} loss)" if entry.loss_weight else ""
        lines.append(f"{entry.name} = {mean:g}{part}")
    return lines
