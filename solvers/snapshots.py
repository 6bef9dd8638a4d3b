"""Snapshots: weights and solver state as a pair of files.

All that a snapshot holds is copied first, so that it can be written while the training goes on. The weights are
written first and the state, which names them, after: a state on disk always has its weights.
Source: Caffe src/caffe/solver.cpp:418-470, src/caffe/solvers/sgd_solver.cpp:255-312.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from math import isfinite
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from netdef.kernels import update
from netdef.kernels._jit import available_threads
from netdef.weights.atomic import write_atomically
from netdef.weights.caffemodel import model_chunks
from netdef.weights.solverstate import Checksum, SolverState, write_solverstate
from prototxt import Document, schema

if TYPE_CHECKING:
    from solvers.solver import Solver


class CapturedBlob(NamedTuple):
    """A parameter as it was; ``diff`` is None unless the solver has snapshot_diff."""

    data: np.ndarray
    diff: np.ndarray | None


class CapturedLayer(NamedTuple):
    """A layer's definition, its parameters, and which of them no other layer owns."""

    param: object
    blobs: list[CapturedBlob]
    owned: list[bool]


@dataclass
class Snapshot:
    """What is written: a copy, which the training does not touch."""

    model_path: str
    state_path: str
    net_name: str
    layers: list[CapturedLayer]
    state: SolverState
    hdf5: bool
    diffs: bool

    def write(self) -> None:
        """Write both files, each whole or not at all. WeightsError where that cannot be done."""
        content = Checksum(self._hdf5_weights() if self.hdf5 else self._binary_weights())
        write_atomically(self.model_path, content)
        self.state.learned_net_size, self.state.learned_net_crc32 = content.size, content.crc32
        if self.hdf5:
            from netdef.weights.hdf5 import write_solverstate as write_hdf5  # loads h5py, which few runs need

            write_hdf5(self.state_path, self.state)
        else:
            write_solverstate(self.state_path, self.state)

    def _binary_weights(self) -> list:
        pairs = ((layer.param, layer.blobs) for layer in self.layers)
        return model_chunks(self.net_name, pairs, self.model_path)

    def _hdf5_weights(self) -> list:
        from netdef.weights.hdf5 import weights_bytes  # loads h5py, which few runs need

        return [weights_bytes([(layer.param.name, layer.blobs, layer.owned) for layer in self.layers], self.diffs)]


def capture(solver: Solver) -> Snapshot:
    """Copy what a snapshot of ``solver`` holds now, and log that it is written.

    Raises SolverError, and copies nothing, where a parameter is not finite: such a snapshot is worth nothing.
    """
    if not all(isfinite(update.sum_of_squares(blob.data.reshape(-1))) for blob in solver.net.learnable_params):
        solver.stop_diverged("a parameter is not finite")
    hdf5 = solver.param.snapshot_format == schema.SolverParameter.HDF5
    ending = ".h5" if hdf5 else ""
    model_path, state_path = filename(solver, f".caffemodel{ending}"), filename(solver, f".solverstate{ending}")
    if hdf5:
        solver.log.info("solver.cpp:474", f"Snapshotting to HDF5 file {model_path}")
        solver.log.info("sgd_solver.cpp:296", f"Snapshotting solver state to HDF5 file {state_path}")
    else:
        solver.log.info("solver.cpp:464", f"Snapshotting to binary proto file {model_path}")
        solver.log.info("sgd_solver.cpp:284", f"Snapshotting solver state to binary proto file {state_path}")
    diffs = solver.param.snapshot_diff
    parameters = solver.net.learnable_params  # shared ones are one memory: they are copied once
    arrays = [blob.data for blob in parameters] + ([blob.diff for blob in parameters] if diffs else [])
    copies = _copy(arrays + solver.history)
    data, diff, history = copies[: len(parameters)], copies[len(parameters) : len(arrays)], copies[len(arrays) :]
    layers = _capture_layers(solver.net, data, diff or [None] * len(data))
    state = SolverState(solver.iter, model_path, history, solver.current_step, solver.resume_state())
    return Snapshot(model_path, state_path, solver.net.name, layers, state, hdf5, diffs)


def _copy(arrays: list[np.ndarray]) -> list[np.ndarray]:
    """Copies, made side by side: training waits for them, so that all processors are free."""
    with ThreadPoolExecutor(available_threads()) as pool:
        return list(pool.map(np.copy, arrays))


def _capture_layers(net, data: list[np.ndarray], diff: list[np.ndarray | None]) -> list[CapturedLayer]:
    """The layers of ``net`` with copies of their parameters, given in the order of the learnable ones."""
    parameters = {(id(parameter.layer), parameter.index): parameter for parameter in net.parameters.all}
    layers = []
    for step in net.steps:
        param = schema.LayerParameter()
        param.CopyFrom(step.node.param)
        param.ClearField("blobs")
        captured = CapturedLayer(param, [], [])
        for index, blob in enumerate(step.layer.blobs):
            parameter = parameters[id(step.layer), index]
            values, gradient = data[parameter.learnable_id], diff[parameter.learnable_id]
            shape = blob.shape  # a sharer's may differ from the owner's
            gradient = None if gradient is None else gradient.reshape(shape)
            captured.blobs.append(CapturedBlob(values.reshape(shape), gradient))
            captured.owned.append(parameter.owner is None)
        layers.append(captured)
    return layers


def prefix(document: Document) -> str:
    """What the names of snapshots start with (upgrade_proto.cpp, UpgradeSnapshotPrefixProperty).

    Without snapshot_prefix it is the path of the solver definition less its extension; where it is a folder, the
    name of the definition is put in it. "" where the definition is no file.
    """
    given = document.message.snapshot_prefix
    stem = os.path.splitext(document.filename)[0] if os.path.exists(document.filename) else ""
    if not document.message.HasField("snapshot_prefix"):
        return stem
    return os.path.join(given, os.path.basename(stem) or "solver") if os.path.isdir(given) else given


def filename(solver: Solver, extension: str, iteration: int | None = None) -> str:
    """``<prefix>_iter_<N><extension>``, for the solver's iteration unless another one is given."""
    return f"{solver.snapshot_prefix}_iter_{solver.iter if iteration is None else iteration}{extension}"


def surplus(iterations: Sequence[int], best: Sequence[int], keep_newest: int) -> list[int]:
    """Which of the snapshots at ``iterations`` are neither among the newest ones nor among the ``best``."""
    if not keep_newest:
        return []
    newest = sorted(iterations)[-keep_newest:]
    return [iteration for iteration in iterations if iteration not in newest and iteration not in best]


def remove(solver: Solver, iterations: Sequence[int]) -> None:
    """Remove the pairs of ``iterations``, the state first: no state is ever without its weights."""
    ending = ".h5" if solver.param.snapshot_format == schema.SolverParameter.HDF5 else ""
    for iteration in iterations:
        for kind in ("solverstate", "caffemodel"):
            path = filename(solver, f".{kind}{ending}", iteration)
            if os.path.exists(path):
                os.remove(path)
