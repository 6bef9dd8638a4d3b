"""Test passes of a solver, and how outputs are logged.

Source: Caffe src/caffe/solver.cpp:246-262, :335-416.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from netdef.errors import SolverError
from solvers import debug_info
from solvers.log import Log, number

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


def run_test(solver: Solver, index: int) -> list[tuple[str, float]]:
    """Run test net ``index`` over its batches, log and return the mean of its outputs; [] where interrupted."""
    net, batches = solver.test_nets[index], solver.param.test_iter[index]
    solver.log.info("solver.cpp:347", f"Iteration {solver.iter}, Testing net (#{index})")
    net.share_with(solver.net)
    loss, totals = 0.0, []
    for _ in range(batches):
        if solver.answer_during_test():
            solver.log.info("solver.cpp:396", "Test interrupted.")
            return []
        loss += debug_info.forward(net, solver.log) if solver.param.debug_info else net.run()
        values = output_values(net)
        totals = totals or [0.0] * len(values)
        if len(totals) != len(values):
            raise SolverError(
                f"test net #{index} put out {len(totals)} values and then {len(values)}; their means need as many "
                "from every batch. Let its outputs keep their shapes."
            )
        totals = [total + value for total, (_, value) in zip(totals, values)]
    if solver.param.test_compute_loss:
        solver.log.info("solver.cpp:401", f"Test loss: {number(loss / batches)}")
    means = [(name, total / batches) for (name, _), total in zip(values, totals)]
    log_outputs(solver.log, "solver.cpp:414", "Test", net, means)
    return means
