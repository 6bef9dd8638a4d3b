"""Small nets that feed themselves, for tests of commands."""

from __future__ import annotations

import re

# Three items of two numbers, all 3, against 1: the loss is (3 * 2 * (3 - 1)^2) / (2 * 3) = 4.
SELF_FED = """\
name: "tiny"
layer {
  name: "data" type: "DummyData" top: "data" top: "target"
  dummy_data_param {
    shape { dim: 3 dim: 2 } data_filler { type: "constant" value: 3 }
    shape { dim: 3 dim: 2 } data_filler { type: "constant" value: 1 }
  }
}
layer {
  name: "scale" type: "Scale" bottom: "data" top: "scaled"
  scale_param { filler { type: "constant" value: 1 } }
}
layer { name: "loss" type: "EuclideanLoss" bottom: "scaled" bottom: "target" top: "loss" loss_weight: 0.5 }
"""

LOG_LINE = re.compile(r"([IWE])\d{4} \d\d:\d\d:\d\d\.\d{6} +\d+ ([a-z_]+\.cpp:\d+)\] (.*)")


def log_messages(text: str) -> list[str]:
    """The log's messages without severity, time, thread and source; every line must be one of the log."""
    lines = [LOG_LINE.fullmatch(line) for line in text.splitlines()]
    assert all(lines), text
    return [line.group(3) for line in lines]
