"""``debug_info``: the mean absolute value of every blob, parameter and gradient of a step, in Caffe's words.

Source: Caffe src/caffe/net.cpp:585-638 (ForwardDebugInfo, BackwardDebugInfo), :711-726 (Backward). Its UpdateDebugInfo
is called by nothing, so that a log of Caffe's has no lines of updates.
"""

from __future__ import annotations

from math import sqrt
from typing import TYPE_CHECKING

import numpy as np

from solvers.log import Log, number

if TYPE_CHECKING:
    from netdef.net import Net


def forward(net: Net, log: Log) -> float:
    """One forward pass, logged layer by layer; returns the loss."""
    names = {(id(p.layer), p.index): p.display_name for p in net.parameters.all}
    loss = 0.0
    for index, step in enumerate(net.steps):
        loss += net.forward_from_to(index, index)
        head = f"    [Forward] Layer {step.node.name}"
        for name, blob in zip(net.step_tops(step), step.top, strict=True):
            log.info("net.cpp:593", f"{head}, top blob {name} data: {_mean(blob.data)}")
        for position, blob in enumerate(step.layer.blobs):
            name = names[id(step.layer), position]
            log.info("net.cpp:605", f"{head}, param blob {name} data: {_mean(blob.data)}")
    return loss


def backward(net: Net, log: Log) -> None:
    """One backward pass, logged layer by layer, then the norms of all parameters and gradients."""
    for index in reversed(range(len(net.steps))):
        step = net.steps[index]
        if not step.needs_backward:
            continue
        net.backward_from_to(index, index)
        head = f"    [Backward] Layer {step.node.name}"
        for name, blob, needed in zip(net.step_bottoms(step), step.bottom, step.bottom_needs_backward, strict=True):
            if needed:
                log.info("net.cpp:621", f"{head}, bottom blob {name} diff: {_mean(blob.diff)}")
        for position, blob in enumerate(step.layer.blobs):
            if step.layer.param_propagate_down[position]:
                log.info("net.cpp:632", f"{head}, param blob {position} diff: {_mean(blob.diff)}")
    data = _norms([blob.data for blob in net.learnable_params])
    diff = _norms([blob.diff for blob in net.learnable_params])
    log.error(
        "net.cpp:721",
        f"    [Backward] All net params (data, diff): L1 norm = ({number(data[0])}, {number(diff[0])}); "
        f"L2 norm = ({number(data[1])}, {number(diff[1])})",
    )


def _mean(array: np.ndarray) -> str:
    return number(np.abs(array).mean(dtype=np.float64)) if array.size else "nan"


def _norms(arrays: list[np.ndarray]) -> tuple[float, float]:
    """The L1 and the L2 norm of all arrays together."""
    absolute = sum(float(np.abs(array).sum(dtype=np.float64)) for array in arrays)
    squares = sum(float(np.square(array, dtype=np.float64).sum()) for array in arrays)
    return absolute, sqrt(squares)
