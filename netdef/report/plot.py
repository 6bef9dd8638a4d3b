"""Loss, accuracy and learning rate of training runs as a picture, by matplotlib (the extra ``plot``)."""

from __future__ import annotations

import io
import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

from netdef.errors import NetdefError, UsageError
from netdef.report.log import Series, TrainingLog, points

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MISSING = 'plotting needs matplotlib, which is not installed. Install it: pip install "netdef-caffe[plot]".'
COLORS = ("#2166ac", "#d6604d", "#3a9a5b", "#8a5bb5", "#c98a1b", "#3fa7b5", "#b5548a", "#6b6b6b")
STYLES = ("-", "--", ":", "-.")
INK, GRID = "#333a42", "#e3e6ea"
WIDTH, PANEL_HEIGHT, DOTS = 8.0, 2.7, 150


def plot_logs(
    logs: Sequence[TrainingLog], title: str = "", logarithmic: bool = False, against: str = "iteration"
) -> Figure:
    """A figure with one panel for losses, one for other test outputs and one for the learning rate.

    Each log has a colour; the loss of the training is a thin line, what tests find has dots. ``logarithmic`` is
    about the loss axis. ``against`` is "iteration" or "seconds". Panels without anything to show are left out.

    Raises: NetdefError without matplotlib, and where ``seconds`` are asked of a log that has no times.
    """
    if against not in ("iteration", "seconds"):
        raise UsageError(f'against is "{against}"; expected iteration or seconds.')
    try:
        from matplotlib.figure import Figure
    except ImportError:
        raise NetdefError(MISSING) from None
    panels = [panel for panel in (_loss, _accuracy, _rate) if any(_has(panel, log) for log in logs)]
    figure = Figure(figsize=(WIDTH, PANEL_HEIGHT * len(panels) + 0.9), layout="constrained")
    axes = figure.subplots(len(panels), 1, sharex=True, squeeze=False)[:, 0]
    names = short_names([log.path for log in logs])
    for panel, axis in zip(panels, axes):
        for log, name, color in zip(logs, names, COLORS * (len(logs) // len(COLORS) + 1)):
            panel(axis, log, color, f"{name}: " if len(logs) > 1 else "", against)
        _dress(axis)
    if logarithmic and panels[0] is _loss:
        axes[0].set_yscale("log")
    axes[-1].set_xlabel("iteration" if against == "iteration" else "seconds", color=INK)
    figure.suptitle(title or ", ".join(names), color=INK, fontsize=13)
    return figure


def save_plot(figure: Figure, path: str) -> None:
    """Write a figure as PNG or SVG, whole or not at all. Raises: UsageError for another ending."""
    from netdef.report.picture import check_format
    from netdef.weights.atomic import write_atomically

    ending = check_format(path)
    buffer = io.BytesIO()
    figure.savefig(buffer, format=ending[1:], dpi=DOTS)
    write_atomically(path, buffer.getvalue())


def short_names(paths: Sequence[str]) -> list[str]:
    """File names without their folder and ending, or the paths where that is not enough to tell them apart."""
    names = [os.path.splitext(os.path.basename(path))[0] for path in paths]
    return names if len(set(names)) == len(names) else list(paths)


# -- panels -----------------------------------------------------------------------------------------------------


def _has(panel, log: TrainingLog) -> bool:
    if panel is _rate:
        return bool(log.lr)
    tests = [name in log.losses for _, name in log.test]
    return bool(log.loss) or any(tests) if panel is _loss else not all(tests)


def _loss(axis: Axes, log: TrainingLog, color: str, prefix: str, against: str) -> None:
    axis.set_ylabel("loss", color=INK)
    if log.loss:
        _line(axis, log, log.loss, against, color=color, linewidth=1.1, alpha=0.75, label=f"{prefix}training")
    _tests(axis, log, color, prefix, against, losses=True)


def _accuracy(axis: Axes, log: TrainingLog, color: str, prefix: str, against: str) -> None:
    names = {name for _, name in log.test if name not in log.losses}
    axis.set_ylabel(names.pop() if len(names) == 1 else "test outputs", color=INK)
    _tests(axis, log, color, prefix, against, losses=False)


def _rate(axis: Axes, log: TrainingLog, color: str, prefix: str, against: str) -> None:
    axis.set_ylabel("learning rate", color=INK)
    if log.lr:
        _line(axis, log, log.lr, against, color=color, linewidth=1.4, label=f"{prefix}learning rate")
        values = [value for value in log.lr.values() if value > 0]
        if values and max(values) > 20 * min(values):
            axis.set_yscale("log")


def _tests(axis: Axes, log: TrainingLog, color: str, prefix: str, against: str, losses: bool) -> None:
    several_nets = len({net for net, _ in log.test}) > 1
    chosen = [(key, series) for key, series in log.test.items() if (key[1] in log.losses) is losses]
    for ((net, name), series), style in zip(chosen, (STYLES[1:] if losses else STYLES) * (len(chosen) + 1)):
        label = f"{prefix}test {name}" + (f" (net #{net})" if several_nets else "")
        if not losses:
            last = series[max(series)]
            label += f", {last:.4g} at the end"
        _line(
            axis,
            log,
            series,
            against,
            color=color,
            linestyle=style,
            linewidth=1.8,
            marker="o",
            markersize=4,
            label=label,
        )


def _line(axis: Axes, log: TrainingLog, series: Series, against: str, **style) -> None:
    at, values = points(series)
    if against == "seconds":
        if not log.seconds:
            raise NetdefError(f'log "{log.path}" has no times in front of its lines. Plot against iterations.')
        timed = [(log.seconds[i], value) for i, value in zip(at, values) if i in log.seconds]
        at, values = [second for second, _ in timed], [value for _, value in timed]
    if len(values) == 1:
        style.setdefault("marker", "o")
    axis.plot(at, values, **style)


def _dress(axis: Axes) -> None:
    axis.grid(True, color=GRID, linewidth=0.8)
    axis.set_axisbelow(True)
    axis.tick_params(colors=INK, labelsize=9)
    axis.margins(x=0.02)
    for side, spine in axis.spines.items():
        spine.set_visible(side in ("left", "bottom"))
        spine.set_color("#aab2bb")
    if len(axis.lines) > 1 or not axis.get_ylabel().startswith("learning"):
        axis.legend(fontsize=8.5, frameon=False, labelcolor=INK)
