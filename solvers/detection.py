"""Mean average precision of a detector, from what DetectionEvaluate puts out.

Source: SSD's Caffe src/caffe/solver.cpp:431-550, src/caffe/util/bbox_util.cpp:1980-2082.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

import numpy as np

from netdef.errors import SolverError
from solvers.log import Log, number

if TYPE_CHECKING:
    from netdef.net import Net

AP_VERSIONS = ("Integral", "MaxIntegral", "11point")
_LEAST_STEP = 1e-6  # of recall


class Precisions:
    """Collects the boxes of a test, batch by batch; one mean average precision for each output."""

    source = "solver.cpp:546"

    def __init__(self, ap_version: str, show_classes: bool) -> None:
        self.ap_version = ap_version
        self.show_classes = show_classes
        self._true_boxes: dict[str, dict[int, int]] = {}
        self._found: dict[str, dict[int, list[np.ndarray]]] = {}

    def add(self, net: Net) -> None:
        """Take in the outputs of one batch; SolverError where they are not those of DetectionEvaluate."""
        for name in net.outputs:
            shape = net.blobs[name].shape
            if not shape or shape[-1] != 5:
                raise SolverError(
                    f'eval_type is "detection", but output "{name}" of the test net has shape {shape}; expected rows '
                    "of 5, as DetectionEvaluate makes them. Silence the other outputs, or take eval_type away."
                )
            rows = net.blobs[name].data.reshape(-1, 5)
            true_boxes = self._true_boxes.setdefault(name, defaultdict(int))
            found = self._found.setdefault(name, defaultdict(list))
            for _, label, count, *_ in rows[rows[:, 0] == -1]:
                true_boxes[int(label)] += int(count)
            found_rows = rows[(rows[:, 0] != -1) & (rows[:, 3:] != 0).any(axis=1)]
            for label in np.unique(found_rows[:, 1]):
                found[int(label)].append(found_rows[found_rows[:, 1] == label, 2:4].copy())

    def results(self, log: Log) -> list[tuple[str, float]]:
        """``(output, mean average precision)``; says in the log which classes were never found."""
        return [(name, self._mean(name, log)) for name in self._true_boxes]

    def _mean(self, name: str, log: Log) -> float:
        total = 0.0
        for label, count in sorted(self._true_boxes[name].items()):
            if label not in self._found[name]:
                log.warning("solver.cpp:524", f"Missing true_pos for label: {label}")
                continue
            scores, right = np.concatenate(self._found[name][label]).T
            precision = average_precision(scores, right, count, self.ap_version)
            total += precision
            if self.show_classes:
                log.info("solver.cpp:540", f"class{label}: {number(precision)}")
        return total / max(len(self._true_boxes[name]), 1)


def average_precision(scores: np.ndarray, right: np.ndarray, true_boxes: int, version: str) -> float:
    """The average precision of one class: ``(B,)`` confidences, whether each box is right, and how many there are.

    ``Integral``: Σ precision Δrecall; ``MaxIntegral`` (VOC 2012): the same with the best precision at that recall or a
    higher one; ``11point`` (VOC 2007): the mean of that best precision at the recalls 0, 0.1 … 1.
    """
    if not len(scores) or not true_boxes:
        return 0.0
    hits = np.cumsum(right[np.argsort(-scores, kind="stable")])
    precision = (hits / np.arange(1, len(hits) + 1)).astype(np.float32)
    recall = (hits / true_boxes).astype(np.float32).astype(np.float64)
    if version == "11point":
        return sum(float(precision[recall >= j / 10].max(initial=0)) for j in range(11)) / 11
    steps = np.diff(recall, prepend=0.0)
    if version == "MaxIntegral":
        precision = np.maximum.accumulate(precision[::-1])[::-1]
        # the step up to a box counts with the best precision from the box before it on (bbox_util.cpp:2058-2069)
        precision = precision[np.maximum(np.arange(len(precision)) - 1, 0)]
    return float((precision * steps)[steps > _LEAST_STEP].sum())
