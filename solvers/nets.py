"""Builds the train net and the test nets that a solver names.

Source: Caffe src/caffe/solver.cpp:79-201 (InitTrainNet, InitTestNets).
"""

from __future__ import annotations

import os
from dataclasses import dataclass

import numpy as np
from numpy.typing import DTypeLike

from netdef.definitions import load_definition
from netdef.errors import NetError, SolverError
from netdef.net import Net
from netdef.random import derive_seed
from netdef.weights.transfer import copy_weights, read_weights
from prototxt import Document, schema
from solvers.log import Log
from solvers.net_log import log_net


@dataclass
class NetSource:
    """Where a net's definition is: its document, and the words for it in the log."""

    document: object
    words: str


def train_source(solver: Document) -> NetSource:
    """The train net of a solver document that passed its check."""
    param = solver.message
    if param.HasField("train_net_param"):
        return NetSource(solver.inner("train_net_param"), "specified in train_net_param.")
    if param.HasField("train_net"):
        return NetSource(_load(solver, "train_net", param.train_net), f"from train_net file: {param.train_net}")
    if param.HasField("net_param"):
        return NetSource(solver.inner("net_param"), "specified in net_param.")
    return NetSource(_load(solver, "net", param.net), f"from net file: {param.net}")


def test_sources(solver: Document) -> list[NetSource]:
    """The test nets: each test_net_param, each test_net, then the generic net for what test_iter is left."""
    param = solver.message
    sources = [
        NetSource(solver.inner(f"test_net_param[{i}]"), "test_net_param") for i in range(len(param.test_net_param))
    ]
    for index, path in enumerate(param.test_net):
        sources.append(NetSource(_load(solver, f"test_net[{index}]", path), f"test_net file: {path}"))
    for _ in range(len(param.test_iter) - len(sources)):
        if param.HasField("net_param"):
            sources.append(NetSource(solver.inner("net_param"), "net_param"))
        else:
            sources.append(NetSource(_load(solver, "net", param.net), f"net file: {param.net}"))
    return sources


def _load(solver, field: str, path: str):
    if not os.path.exists(path):
        beside = os.path.join(os.path.dirname(solver.filename), path)
        found = f" There is one at {beside}: start in the folder that the path counts from, or change the path."
        advice = found if os.path.exists(beside) else " Paths count from the folder in which netdef is started."
        raise SolverError(
            f'{field.split("[")[0]} names "{path}", which does not exist; expected the prototxt of a net.{advice}',
            location=solver.location(field),
            field=field,
        )
    return load_definition(path)


def build_train_net(solver: Document, seed: int | None, dtype: DTypeLike, log: Log, net_class: type[Net] = Net) -> Net:
    """Build and log the train net, an instance of ``net_class``."""
    source = train_source(solver)
    log.info("solver.cpp:102", f"Creating training net {source.words}")
    return _build(source.document, schema.TRAIN, solver.message.train_state, seed, dtype, log, net_class)


def build_test_nets(solver: Document, train_net: Net, log: Log) -> list[Net]:
    """Build and log the test nets; they are of ``train_net``'s class and use its parameters."""
    nets = []
    states = list(solver.message.test_state)
    try:
        for index, source in enumerate(test_sources(solver)):
            log.info("solver.cpp:190", f"Creating test net (#{index}) specified by {source.words}")
            state = states[index] if states else None
            seed = derive_seed(train_net.seed, "test net", index)
            nets.append(_build(source.document, schema.TEST, state, seed, train_net.dtype, log, type(train_net)))
            nets[-1].share_with(train_net)
    except BaseException:
        for net in nets:
            net.close()
        raise
    return nets


def load_weight_file(path: str, train_net: Net, test_nets: list[Net], skip_mismatch: bool, log: Log) -> None:
    """Copy the parameters in a file to the train net, and to the layers that only a test net has."""
    layers = read_weights(path)
    report = copy_weights(train_net, layers, path=path, skip_mismatch=skip_mismatch)
    for name in report.ignored:
        log.info("net.cpp:746", f"Ignoring source layer {name}")
    for name in report.skipped:
        log.warning("net.cpp:759", f"Skipping source layer {name}, whose shapes differ")
    for net in test_nets:
        own = [layer for layer in layers if layer.name in net.params and layer.name not in train_net.params]
        copy_weights(net, own, path=path, skip_mismatch=skip_mismatch)


def _build(document, phase: int, state, seed: int | None, dtype, log: Log, net_class: type[Net]) -> Net:
    """Build a net for the solver's defaults, overridden by the net's own state, overridden by ``state``."""
    merged = schema.NetState(phase=phase)
    merged.MergeFrom(document.message.state)
    stages: tuple[str, ...] = ()
    if state is not None:
        merged.MergeFrom(state)
        stages = tuple(state.stage)
    net = net_class(document, merged.phase, merged.level, stages, dtype=np.dtype(dtype), seed=seed)
    if not net.layers:
        net.close()
        raise NetError(
            f"the net has no layer in phase {schema.Phase.Name(merged.phase)}; expected at least one. "
            "Correct the path, or the phase, level and stage.",
            location=document.location(""),
        )
    log_net(net, log)
    return net
