"""A tiny net and its solver, in one text, for tests of the training loop."""

from __future__ import annotations

import io
import re

import numpy as np

from prototxt import parse_solver
from solvers import Log, get_solver

# Random data, dropout and a test phase of its own: everything that a resumed run must take up again.
TINY_NET = """
  name: "tiny"
  layer { name: "data" type: "DummyData" top: "data" top: "label"
    dummy_data_param { shape { dim: 4 dim: 3 } shape { dim: 4 }
      data_filler { type: "gaussian" std: 1 } data_filler { type: "constant" value: 1 } } }
  layer { name: "ip1" type: "InnerProduct" bottom: "data" top: "ip1"
    param { lr_mult: 1 } param { lr_mult: 2 decay_mult: 0 }
    inner_product_param { num_output: 5 weight_filler { type: "xavier" } } }
  layer { name: "drop" type: "Dropout" bottom: "ip1" top: "ip1" include { phase: TRAIN } }
  layer { name: "ip2" type: "InnerProduct" bottom: "ip1" top: "ip2"
    inner_product_param { num_output: 2 weight_filler { type: "xavier" } } }
  layer { name: "loss" type: "SoftmaxWithLoss" bottom: "ip2" bottom: "label" top: "loss" }
  layer { name: "accuracy" type: "Accuracy" bottom: "ip2" bottom: "label" top: "accuracy" include { phase: TEST } }
"""

_PREFIX = re.compile(r"(?m)^[IWE]\d{4} \d\d:\d\d:\d\d\.\d{6} +\d+ (\w+\.[ch]pp:\d+)\] ")


def tiny_solver(fields: str, net: str = TINY_NET, **options):
    """A solver of `TINY_NET` with base_lr 0.1, a fixed policy and seed 1701 unless ``fields`` say otherwise."""
    stock = {"base_lr": "0.1", "lr_policy": '"fixed"', "random_seed": "1701", "snapshot_after_train": "false"}
    given = "".join(f"{name}: {value} " for name, value in stock.items() if f"{name}:" not in fields)
    has_net = re.search(r"\b(train_)?net(_param)?\b", fields) is not None
    return get_solver(parse_solver(fields + " " + given + ("" if has_net else f"net_param {{ {net} }}")), **options)


class RecordedLog(Log):
    """A log that keeps its lines, without what changes from run to run."""

    def __init__(self) -> None:
        super().__init__(io.StringIO())

    def text(self) -> str:
        """All lines, each with its source but without time and thread."""
        return _PREFIX.sub(r"\1] ", self.stream.getvalue())

    def messages(self, *sources: str) -> list[str]:
        """The lines of these sources, such as ``"solver.cpp:239"``, without the source."""
        pairs = (line.split("] ", 1) for line in self.text().splitlines() if "] " in line)
        return [pair[1] for pair in pairs if pair[0] in sources]


def everything(solver) -> dict[str, bytes]:
    """The bits of all parameters and of the history."""
    found = {
        f"{name}[{i}]": blob.data.tobytes() for name, blobs in solver.net.params.items() for i, blob in enumerate(blobs)
    }
    found.update({f"history[{i}]": np.ascontiguousarray(array).tobytes() for i, array in enumerate(solver.history)})
    return found
