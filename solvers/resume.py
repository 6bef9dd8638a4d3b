"""Going on from a snapshot: reading a pair, finding the newest complete one.

Source: Caffe src/caffe/solver.cpp:480-490, src/caffe/solvers/sgd_solver.cpp:315-366.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from netdef.errors import Location, WeightsError
from netdef.weights.caffemodel import LayerWeights, parse_caffemodel
from netdef.weights.files import is_hdf5, read_file
from netdef.weights.solverstate import SolverState, check_learned_net, read_solverstate
from netdef.weights.transfer import copy_weights, read_weights, same_shape
from prototxt import schema
from solvers.log import Log, quiet

if TYPE_CHECKING:
    from solvers.solver import Solver

_STATE_NAME = re.compile(r"(?P<prefix>.*)_iter_(?P<iter>\d+)\.solverstate(\.h5)?", re.DOTALL)


def restore(solver: Solver, path: str) -> None:
    """Set ``solver`` to the state in ``path``; nothing changes unless everything is found and fits.

    Raises WeightsError for files that are missing, damaged, of another net or of another type of solver; for a
    damaged one it names the newest complete snapshot before it.
    """
    try:
        state, layers = read_pair(path)
    except WeightsError as error:
        error.message += older_words(path)
        raise
    _check_history(solver, path, state)
    if layers is not None:
        _check_complete(solver, layers, state.learned_net)
        copy_weights(solver.net, layers, path=state.learned_net)
    for array, recorded in zip(solver.history, state.history, strict=True):
        array[...] = recorded.reshape(array.shape)
    solver.log.info("sgd_solver.cpp:336", "SGDSolver: restoring history")
    solver.iter, solver.current_step = state.iter, state.current_step
    solver.restore_resume_state(state.resume)


def read_pair(path: str) -> tuple[SolverState, list[LayerWeights] | None]:
    """The state in ``path``, its learned_net set to where the weights are, and those; None where it names none.

    Raises WeightsError unless both files are there, whole and made for each other.
    """
    state = read_solverstate(path)
    if not state.learned_net:
        return state, None
    state.learned_net = find_learned_net(path, state)
    content = read_file(state.learned_net, "the weight file of a solver state")
    check_learned_net(state, state.learned_net, content)
    if is_hdf5(state.learned_net):
        return state, read_weights(state.learned_net)
    return state, parse_caffemodel(content, state.learned_net)


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


def newest_complete(prefix: str, before: int | None = None, log: Log | None = None) -> str | None:
    """The newest of the snapshots ``<prefix>_iter_N`` whose two files are whole; None where there is no snapshot.

    ``before`` looks at earlier iterations only. What is passed over is said in the log. Raises WeightsError where
    there are snapshots and none is complete.
    """
    causes = []
    for iteration, path in sorted(_states(prefix), reverse=True):
        if before is not None and iteration >= before:
            continue
        try:
            read_pair(path)
        except WeightsError as error:
            (log or quiet()).warning("solver.cpp:482", f"Passing over a snapshot: {error}")
            causes.append(str(error))
        else:
            return path
    if causes:
        listed = "".join(f"\n  {cause}" for cause in causes)
        raise WeightsError(
            f"none of the {len(causes)} snapshots is complete:{listed}\n"
            "Bring back a copy of one of them, or move them away to start anew.",
            location=Location(prefix),
        )
    return None


def _states(prefix: str) -> Iterator[tuple[int, str]]:
    """The iteration and the path of each solver state of ``prefix``."""
    folder, name = os.path.split(prefix)
    for entry in os.listdir(folder or ".") if os.path.isdir(folder or ".") else ():
        match = _STATE_NAME.fullmatch(entry)
        if match and match["prefix"] == name:
            yield int(match["iter"]), os.path.join(folder, entry)


def older_words(path: str) -> str:
    """A sentence that offers the newest complete snapshot before the one at ``path``; "" where there is none."""
    match = _STATE_NAME.fullmatch(path)
    if match is None:
        return ""
    try:
        older = newest_complete(match["prefix"], int(match["iter"]))
    except WeightsError:
        older = None
    return f" The newest complete one before it is {older}." if older else ""


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


def _check_complete(solver, layers: list[LayerWeights], path: str) -> None:
    found = {layer.name for layer in layers if layer.blobs}
    own = {id(parameter.layer) for parameter in solver.net.parameters.all if parameter.owner is None}
    needed = [step.node.name for step in solver.net.steps if id(step.layer) in own]
    missing = [name for name in needed if name not in found]
    if missing:
        raise WeightsError(
            f"has no weights for {', '.join(missing)}; the weights of all layers are expected. "
            "It belongs to another net or was cut off; resume from another snapshot.",
            location=Location(path),
        )


# -- what rides along for an exact resume ------------------------------------------------------------------------


def nets_by_label(solver: Solver) -> list[tuple[str, object]]:
    """The nets of a solver with what the names of their layers start with in a solver state."""
    return [("", solver.net), *((f"test_net[{i}]/", net) for i, net in enumerate(solver.test_nets))]


def stream_states(nets: list[tuple[str, object]]) -> dict[str, bytes]:
    """Where the data and the random numbers of nets stand, by label and layer."""
    return {label + name: state for label, net in nets for name, state in net.states().items()}


def restore_streams(nets: list[tuple[str, object]], states: dict[str, bytes]) -> None:
    """Go on from `stream_states`."""
    for label, net in nets:
        net.restore_states({key[len(label) :]: state for key, state in states.items() if key.startswith(label)})


def message(solver: Solver, states: dict[str, bytes]) -> schema.ResumeState:
    """The ResumeState of a solver whose data and random numbers stand at ``states``."""
    resume = schema.ResumeState(seed=solver.net.seed, losses=solver.losses, smoothed_loss=solver.smoothed_loss)
    for name, state in states.items():
        resume.stream.add(name=name, state=state)
    return resume
