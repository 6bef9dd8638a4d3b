"""The test output that tells how good a net is: which snapshots are the best, and when to stop early.

Not in Caffe: the fields monitor, monitor_net, monitor_goal, keep_best, early_stopping and min_improvement.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import isnan
from typing import TYPE_CHECKING

from netdef.errors import SolverError, suggestion
from prototxt import Document, schema
from solvers.log import Log, number

if TYPE_CHECKING:
    from netdef.net import Net


class Monitor:
    """Follows one output of a test net from test to test.

    Attributes
    ----------
    best : the iterations with the best values so far and those values, best first; at most ``keep_best``, or 1
    tests_without_better : tests in a row that brought no improvement of more than ``min_improvement``
    """

    def __init__(self, param: schema.SolverParameter, greatest: bool) -> None:
        self.name = param.monitor
        self.net_index = param.monitor_net
        self.greatest = greatest
        self.best: list[tuple[int, float]] = []
        self.tests_without_better = 0
        self._room = max(param.keep_best, 1)
        self._patience = param.early_stopping
        self._min_improvement = param.min_improvement

    def record(self, iteration: int, means: list[tuple[str, float]], log: Log) -> None:
        """Take in the means of a test."""
        value = next(mean for name, mean in means if name == self.name)
        better = not self.best or self._gain(value, self.best[0][1]) > self._min_improvement
        self.tests_without_better = 0 if better and not isnan(value) else self.tests_without_better + 1
        if isnan(value):
            return
        if better:
            log.info("solver.cpp:416", f"Iteration {iteration}, best {self.name} so far = {number(value)}")
        kept = [entry for entry in self.best if entry[0] != iteration] + [(iteration, value)]
        kept.sort(key=lambda entry: (-entry[1] if self.greatest else entry[1], entry[0]))
        self.best = kept[: self._room]

    def among_best(self, iteration: int) -> bool:
        """Whether the test of ``iteration`` is one of the best."""
        return any(iteration == other for other, _ in self.best)

    @property
    def exhausted(self) -> bool:
        """Whether the last ``early_stopping`` tests brought nothing better."""
        return 0 < self._patience <= self.tests_without_better

    def words(self) -> str:
        """The best test, for the log."""
        iteration, value = self.best[0]
        return f"{self.name} = {number(value)} at iteration {iteration}"

    def _gain(self, value: float, than: float) -> float:
        return value - than if self.greatest else than - value


def make_monitor(document: Document, test_nets: Sequence[Net]) -> Monitor | None:
    """The monitor that a solver definition asks for, or None; SolverError where its output is not what it must be."""
    param = document.message
    if not param.monitor:
        return None
    if param.monitor_net >= len(test_nets):
        raise _error(
            document,
            "monitor_net",
            f"monitor_net is {param.monitor_net}; expected the number of a test net, of which there are "
            f"{len(test_nets)}, counted from 0. Change it, or add test_iter and test_interval.",
        )
    net = test_nets[param.monitor_net]
    if param.monitor not in net.outputs:
        raise _error(
            document,
            "monitor",
            f'test net {param.monitor_net} has no output "{param.monitor}".{suggestion(param.monitor, net.outputs)} '
            f"Its outputs: {', '.join(net.outputs)}.",
        )
    count = net.blobs[param.monitor].count
    if count != 1:
        raise _error(
            document, "monitor", f'output "{param.monitor}" has {count} values; expected one. Monitor another output.'
        )
    return Monitor(param, _greatest(document, net))


def _greatest(document, net) -> bool:
    param = document.message
    if param.HasField("monitor_goal"):
        return param.monitor_goal == schema.SolverParameter.GREATEST
    if net.blob_loss_weights[param.monitor]:
        return False
    if any(step.layer.type == "Accuracy" and param.monitor in net.step_tops(step) for step in net.steps):
        return True
    raise _error(
        document,
        "monitor",
        f'monitor_goal is missing; "{param.monitor}" is neither a loss nor an accuracy, so that it does not show '
        "what is better. Add monitor_goal: GREATEST or monitor_goal: LEAST.",
    )


def _error(document, field: str, message: str) -> SolverError:
    return SolverError(message, location=document.location(field), field=field)
