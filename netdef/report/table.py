"""A training log as the tables that Caffe's parse_log.py makes.

Source: Caffe tools/extra/parse_log.py.
"""

from __future__ import annotations

import csv
import io
import math

from netdef.report.log import Series, TrainingLog

Row = dict[str, float]
HEAD = ("NumIters", "Seconds", "LearningRate")


def train_rows(log: TrainingLog) -> list[Row]:
    """A row for each display: iteration, seconds since the start, learning rate, then the train net's outputs."""
    return _rows(log, log.train)


def test_rows(log: TrainingLog, net: int = 0) -> list[Row]:
    """A row for each test of test net number ``net``."""
    return _rows(log, {name: series for (index, name), series in log.test.items() if index == net})


def test_nets(log: TrainingLog) -> list[int]:
    """The numbers of the test nets that the log tells of."""
    return sorted({index for index, _ in log.test})


def _rows(log: TrainingLog, outputs: dict[str, Series]) -> list[Row]:
    iterations = sorted({iteration for series in outputs.values() for iteration in series})
    rows = []
    for iteration in iterations:
        row = {
            "NumIters": float(iteration),
            "Seconds": round(log.seconds.get(iteration, math.nan) - log.began, 6),
            "LearningRate": learning_rate(log, iteration),
        }
        row.update({name: series.get(iteration, math.nan) for name, series in outputs.items()})
        rows.append(row)
    return rows


def learning_rate(log: TrainingLog, iteration: int) -> float:
    """The rate at an iteration: logged there, else the last one before, else the first one after.

    Differs from Caffe: its rows carry the rate of the display before.
    """
    if not log.lr:
        return math.nan
    before = [at for at in log.lr if at <= iteration]
    return log.lr[max(before) if before else min(log.lr)]


def to_csv(rows: list[Row], delimiter: str = ",") -> str:
    """The rows under a line of names; "" for no rows."""
    if not rows:
        return ""
    buffer = io.StringIO()
    writer = csv.DictWriter(buffer, fieldnames=list(rows[0]), delimiter=delimiter)
    writer.writeheader()
    writer.writerows(rows)
    return buffer.getvalue()
