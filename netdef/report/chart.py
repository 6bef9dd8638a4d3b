"""The eight charts of Caffe's plot_training_log.py, by matplotlib (the extra ``plot``).

Source: Caffe tools/extra/plot_training_log.py.example.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from netdef.errors import NetdefError
from netdef.report.log import Series, TrainingLog, points
from netdef.report.plot import COLORS, MISSING, short_names

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class Chart:
    """What runs up and what runs to the right."""

    value: str
    against: str

    def __str__(self) -> str:
        return f"{self.value} vs. {self.against}"


CHARTS = tuple(
    Chart(value, against)
    for value in ("Test accuracy", "Test loss", "Train learning rate", "Train loss")
    for against in ("Iters", "Seconds")
)


def plot_chart(chart: Chart, logs: Sequence[TrainingLog]) -> Figure:
    """One line a log. Raises: NetdefError without matplotlib, and where a log lacks what is asked for."""
    try:
        from matplotlib.figure import Figure
    except ImportError:
        raise NetdefError(MISSING) from None
    figure = Figure(figsize=(8, 6), layout="constrained")
    axis = figure.subplots()
    names = short_names([log.path for log in logs])
    for log, name, color in zip(logs, names, COLORS * (len(logs) // len(COLORS) + 1)):
        at, values = points(_series(chart, log))
        if chart.against == "Seconds":
            at = [log.seconds[iteration] - log.began for iteration in at]
        axis.plot(at, values, color=color, linewidth=0.75, marker="o", markersize=4, label=name)
    axis.set_title(str(chart))
    axis.set_xlabel(chart.against)
    axis.set_ylabel(chart.value)
    axis.legend(loc="lower right" if "accuracy" in chart.value else "upper right")
    return figure


def _series(chart: Chart, log: TrainingLog) -> Series:
    if chart.value == "Train loss":
        series = log.loss
    elif chart.value == "Train learning rate":
        series = log.lr
    else:
        wants_loss = chart.value == "Test loss"
        series = next((s for (_, name), s in log.test.items() if (name in log.losses) is wants_loss), {})
    if chart.against == "Seconds":
        series = {iteration: value for iteration, value in series.items() if iteration in log.seconds}
    if not series:
        raise NetdefError(f'log "{log.path}" has nothing for the chart "{chart}". Choose another chart type.')
    return series
