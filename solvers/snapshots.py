"""Snapshots: writing weights and solver state as a pair, and going on from such a pair.

The weights are written first and the state, which names them, after: a state on disk always has its weights.
Source: Caffe src/caffe/solver.cpp:418-490, src/caffe/solvers/sgd_solver.cpp:255-366.
"""

from __future__ import annotations

import os
import zlib

import numpy as np

from netdef.errors import Location, WeightsError
from netdef.weights.atomic import write_atomically
from netdef.weights.caffemodel import parse_caffemodel, serialized
from netdef.weights.files import is_hdf5, read_file
from netdef.weights.solverstate import SolverState, check_learned_net, read_solverstate, write_solverstate
from netdef.weights.transfer import copy_weights, read_weights, same_shape
from prototxt import schema


def prefix(document) -> str:
    """What the names of snapshots start with (upgrade_proto.cpp, UpgradeSnapshotPrefixProperty).

    Without snapshot_prefix it is the path of the solver definition less its extension; where it is a folder, the
    name of the definition is put in it. "" where the definition is no file.
    """
    given = document.message.snapshot_prefix
    stem = os.path.splitext(document.filename)[0] if os.path.exists(document.filename) else ""
    if not document.message.HasField("snapshot_prefix"):
        return stem
    return os.path.join(given, os.path.basename(stem) or "solver") if os.path.isdir(given) else given


def filename(solver, extension: str) -> str:
    """``<prefix>_iter_<N><extension>``"""
    return f"{solver.snapshot_prefix}_iter_{solver.iter}{extension}"


def write(solver) -> str:
    """Write the pair in the definition's snapshot_format; returns the path of the state."""
    hdf5 = solver.param.snapshot_format == schema.SolverParameter.HDF5
    ending = ".h5" if hdf5 else ""
    model_path, state_path = filename(solver, f".caffemodel{ending}"), filename(solver, f".solverstate{ending}")
    if hdf5:
        solver.log.info("solver.cpp:474", f"Snapshotting to HDF5 file {model_path}")
        model = _hdf5_weights(solver.net, solver.param.snapshot_diff)
    else:
        solver.log.info("solver.cpp:464", f"Snapshotting to binary proto file {model_path}")
        model = serialized(solver.net.to_message(solver.param.snapshot_diff), model_path)
    write_atomically(model_path, model)
    state = SolverState(solver.iter, model_path, solver.history, solver.current_step, _resume_state(solver))
    state.learned_net_size, state.learned_net_crc32 = len(model), zlib.crc32(model)
    if hdf5:
        from netdef.weights.hdf5 import write_solverstate as write_hdf5  # loads h5py, which few runs need

        solver.log.info("sgd_solver.cpp:296", f"Snapshotting solver state to HDF5 file {state_path}")
        write_hdf5(state_path, state)
    else:
        solver.log.info("sgd_solver.cpp:284", f"Snapshotting solver state to binary proto file {state_path}")
        write_solverstate(state_path, state)
    return state_path


def _hdf5_weights(net, diffs: bool) -> bytes:
    from netdef.weights.hdf5 import weights_bytes  # loads h5py, which few runs need

    shared = {(id(parameter.layer), parameter.index) for parameter in net.parameters.all if parameter.owner is not None}
    layers = []
    for name, layer in zip(net.layer_names, net.layers, strict=True):
        layers.append((name, layer.blobs, [(id(layer), index) not in shared for index in range(len(layer.blobs))]))
    return weights_bytes(layers, diffs)


def _nets_by_label(solver) -> list[tuple[str, object]]:
    return [("", solver.net), *((f"test_net[{i}]/", net) for i, net in enumerate(solver.test_nets))]


def _resume_state(solver):
    resume = schema.ResumeState(seed=solver.net.seed, losses=solver.losses, smoothed_loss=solver.smoothed_loss)
    for label, net in _nets_by_label(solver):
        for name, state in net.states().items():
            resume.stream.add(name=label + name, state=state)
    return resume


def restore(solver, path: str) -> None:
    """Set ``solver`` to the state in ``path``; nothing changes unless everything is found and fits.

    Raises WeightsError for files that are missing, damaged, of another net or of another type of solver.
    """
    state = read_solverstate(path)
    _check_history(solver, path, state)
    if state.learned_net:
        _restore_weights(solver, path, state)
    for array, recorded in zip(solver.history, state.history, strict=True):
        array[...] = recorded.reshape(array.shape)
    solver.log.info("sgd_solver.cpp:336", "SGDSolver: restoring history")
    solver.iter, solver.current_step = state.iter, state.current_step
    solver.losses.clear()
    if state.resume is not None:
        solver.losses.extend(state.resume.losses)
        _restore_streams(solver, state.resume)


def _check_history(solver, path: str, state: SolverState) -> None:
    here, found = [array.shape for array in solver.history], [array.shape for array in state.history]
    fits = len(here) == len(found) and all(map(same_shape, here, found))
    if not fits:
        raise WeightsError(
            f"holds {_history_words(found)}; this {solver.type} solver expects {_history_words(here)}. "
            "Resume with the solver and net that wrote it, or start from its weights instead.",
            location=Location(path),
        )


def _history_words(shapes: list[tuple[int, ...]]) -> str:
    listed = ", ".join(map(str, shapes[:12])) + (", …" if len(shapes) > 12 else "")
    return f"{len(shapes)} history blobs" + (f" of shapes {listed}" if shapes else "")


def _restore_weights(solver, path: str, state: SolverState) -> None:
    model_path = find_learned_net(path, state)
    if is_hdf5(model_path):
        check_learned_net(state, model_path, read_file(model_path, "the weight file of a solver state"))
        layers = read_weights(model_path)
    else:
        content = read_file(model_path, "the weight file of a solver state")
        check_learned_net(state, model_path, content)
        layers = parse_caffemodel(content, model_path)
    names = {layer.name for layer in layers if layer.blobs}
    missing = [name for name in solver.net.params if name not in names]
    if missing:
        raise WeightsError(
            f"has no weights for {', '.join(missing)}; the weights of all layers are expected. "
            "It belongs to another net or was cut off; resume from another snapshot.",
            location=Location(model_path),
        )
    copy_weights(solver.net, layers, path=model_path)


def find_learned_net(path: str, state: SolverState) -> str:
    """The weight file of a state: beside it, else where the state says; WeightsError where it is in neither place."""
    beside = os.path.join(os.path.dirname(path), os.path.basename(state.learned_net))
    for candidate in (beside, state.learned_net):
        if os.path.exists(candidate):
            return candidate
    raise WeightsError(
        f"names the weight file {state.learned_net}, which is neither there nor beside it; expected {beside}. "
        "Put the two files of the snapshot together.",
        location=Location(path),
    )


def _restore_streams(solver, resume) -> None:
    states = {stream.name: stream.state for stream in resume.stream}
    for label, net in _nets_by_label(solver):
        own = {name: states[label + name] for name in net.layer_names if label + name in states}
        net.restore_states(own)


def new_history(net, slots: int) -> list[np.ndarray]:
    """``slots`` zeroed arrays for each learnable parameter of ``net``, the first of all, then the second of all."""
    return [np.zeros(blob.shape, net.dtype) for _ in range(slots) for blob in net.learnable_params]
