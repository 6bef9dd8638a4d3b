"""Test passes of a solver, and how outputs are logged.

Source: Caffe src/caffe/solver.cpp:246-262, :335-416.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from netdef.errors import SolverError
from solvers import debug_info, resume
from solvers.detection import Precisions
from solvers.log import Log, number
from solvers.signals import Action

if TYPE_CHECKING:
    from netdef.net import Net
    from solvers.solver import Solver


def output_values(net: Net) -> list[tuple[str, float]]:
    """``(blob name, value)`` of every element of the outputs of ``net``."""
    return [(name, float(value)) for name in net.outputs for value in net.blobs[name].data.reshape(-1)]


def log_outputs(log: Log, source: str, kind: str, net: Net, values: list[tuple[str, float]]) -> None:
    """``    Train net output #0: loss = 0.24 (* 1 = 0.24 loss)``, one line a value."""
    weights = net.blob_loss_weights
    for index, (name, value) in enumerate(values):
        weight = weights[name]
        share = f" (* {number(weight)} = {number(weight * value)} loss)" if weight else ""
        log.info(source, f"    {kind} net output #{index}: {name} = {number(value)}{share}")


class Means:
    """The mean of every value that a test net puts out, over the batches of a test."""

    source = "solver.cpp:414"

    def __init__(self, index: int) -> None:
        self._index = index
        self._batches = 0
        self._names: list[str] = []
        self._totals: list[float] = []

    def add(self, net: Net) -> None:
        """Take in the outputs of one batch."""
        values = output_values(net)
        totals = self._totals or [0.0] * len(values)
        if len(totals) != len(values):
            raise SolverError(
                f"test net #{self._index} put out {len(totals)} values and then {len(values)}; their means need as "
                "many from every batch. Let its outputs keep their shapes."
            )
        self._totals = [total + value for total, (_, value) in zip(totals, values)]
        self._names = [name for name, _ in values]
        self._batches += 1

    def results(self, log: Log) -> list[tuple[str, float]]:
        """``(blob name, mean)`` of every element of the outputs."""
        return [(name, total / self._batches) for name, total in zip(self._names, self._totals)]


def run_test(solver: Solver, index: int) -> list[tuple[str, float]]:
    """Run test net ``index`` over its batches, log and return what becomes of its outputs; [] where interrupted.

    That is their means, or with eval_type "detection" mean average precisions.
    """
    net, batches, param = solver.test_nets[index], solver.param.test_iter[index], solver.param
    solver.log.info("solver.cpp:347", f"Iteration {solver.iter}, Testing net (#{index})")
    net.share_with(solver.net)
    detects = param.eval_type == "detection"
    summary = Precisions(param.ap_version, param.show_per_class_result) if detects else Means(index)
    loss = 0.0
    for _ in range(batches):
        if solver.answer_during_test():
            solver.log.info("solver.cpp:396", "Test interrupted.")
            return []
        loss += debug_info.forward(net, solver.log) if param.debug_info else net.run()
        summary.add(net)
    if param.test_compute_loss:
        solver.log.info("solver.cpp:401", f"Test loss: {number(loss / batches)}")
    results = summary.results(solver.log)
    log_outputs(solver.log, summary.source, "Test", net, results)
    return results


class Testing:
    """The side of a solver that tests between iterations."""

    def add_test_callback(self, on_test: Callable[[int, list[tuple[str, float]]], None]) -> None:
        """Have a function called after each test, with the test net's number and the means of its outputs by name."""
        self._test_callbacks.append(on_test)

    @property
    def is_tested(self) -> bool:
        """Whether the test of this iteration has been made."""
        return self._tested_iter == self.iter

    def test_all(self) -> None:
        """Run every test net over its ``test_iter`` batches and log the mean of its outputs."""
        nets = resume.nets_by_label(self)[1:]
        self._states_before_tests = resume.stream_states(nets)
        for index in range(len(self.test_nets)):
            means = [] if self._stop else run_test(self, index)
            if means and self.monitor is not None and index == self.monitor.net_index:
                self.monitor.record(self.iter, means, self.log)
            for on_test in self._test_callbacks if means else ():
                on_test(index, means)
        if self._stop:
            resume.restore_streams(nets, self._states_before_tests)
        self._states_before_tests = None
        if not self._stop:
            self._tested_iter = self.iter
            self._heed_monitor()

    def _heed_monitor(self) -> None:
        """Snapshot what is among the best, stop where nothing improves."""
        monitor = self.monitor
        if monitor is None:
            return
        if self.param.keep_best and monitor.among_best(self.iter) and self._written_iter != self.iter:
            self._snapshot()
        if monitor.exhausted:
            tests = monitor.tests_without_better
            self.log.info("solver.cpp:416", f"Early stopping after {tests} tests without a better {monitor.words()}")
            self._stop = self.stopped_by_monitor = True

    def answer_during_test(self) -> bool:
        """Do what was asked for while a test runs; returns whether to stop."""
        action = self.action_function()
        while action is not Action.NONE:
            if action is Action.SNAPSHOT:
                self._snapshot()
            self._stop = self._stop or action is Action.STOP
            action = self.action_function()
        return self._stop

    def _test_due(self) -> bool:
        """Whether to test now; a test that was made before the snapshot from which the run goes on is not repeated."""
        wanted = self.due(self.param.test_interval) and (self.iter > 0 or self.param.test_initialization)
        done = self.iter == self._resumed_tested_iter
        self._resumed_tested_iter = -1
        return wanted and not done
