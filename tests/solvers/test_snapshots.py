"""Snapshots: Caffe's are gone on from, ours resume exactly, and damage never goes unnoticed."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import numpy as np
import pytest

from netdef.errors import SolverError, WeightsError
from netdef.weights.caffemodel import read_caffemodel
from netdef.weights.solverstate import SolverState, read_solverstate, write_solverstate
from prototxt import load_solver, parse_solver, schema
from solvers import SOLVERS
from solvers.resume import find_learned_net, newest_complete
from solvers.snapshots import prefix
from tests.support.databases import pictures, write_lmdb
from tests.support.solvers import TINY_NET, RecordedLog, everything, tiny_solver

TYPES = {
    "SGD": "momentum: 0.9 weight_decay: 0.01",
    "Nesterov": "momentum: 0.9",
    "AdaGrad": "",
    "RMSProp": "rms_decay: 0.9",
    "AdaDelta": "momentum: 0.9 delta: 1e-3",
    "Adam": "momentum: 0.9",
}


def test_every_type_is_resumed_in_a_test():
    assert set(TYPES) == set(SOLVERS)


@pytest.mark.parametrize("kind", TYPES)
@pytest.mark.parametrize("snapshot_format", ["BINARYPROTO", "HDF5"])
def test_a_resumed_run_ends_with_the_same_bits(tmp_path, kind, snapshot_format):
    """Random data and dropout included: their streams go on where they were."""
    fields = (
        f'type: "{kind}" {TYPES[kind]} max_iter: 10 iter_size: 2 average_loss: 4 snapshot_format: {snapshot_format} '
        f'lr_policy: "multistep" gamma: 0.5 stepvalue: 3 stepvalue: 7 test_iter: 2 test_interval: 3 '
        f'snapshot_prefix: "{tmp_path}/tiny"'
    )
    log = RecordedLog()
    with tiny_solver(fields, log=log) as solver:
        solver.step(5)
        path = solver.snapshot()
        log.stream.truncate(0)
        solver.step(5)
        solver.test_all()
        wanted, loss, lines = everything(solver), solver.smoothed_loss, log.messages("solver.cpp:414")
    log = RecordedLog()
    with tiny_solver(fields.replace("1701", "5"), log=log) as solver:
        solver.restore(path)
        assert (solver.iter, solver.current_step) == (5, 1)
        solver.step(5)
        solver.test_all()
        assert everything(solver) == wanted
        assert solver.smoothed_loss == loss
    assert log.messages("solver.cpp:414") == lines


def test_data_are_read_on_from_where_they_were(tmp_path):
    """With a database: its cursor, random crops and mirroring go on, in the train net and in the test net."""
    write_lmdb(tmp_path / "lmdb", pictures(13), labels=[i % 2 for i in range(13)])
    net = f"""
      layer {{ name: "data" type: "Data" top: "data" top: "label"
        transform_param {{ crop_size: 4 mirror: true scale: 0.01 pad: 1 affine_param {{ rotation: 9 shift: 1 }} }}
        data_param {{ source: "{tmp_path}/lmdb" batch_size: 5 backend: LMDB rand_skip: 4 }} }}
      layer {{ name: "ip" type: "InnerProduct" bottom: "data" top: "ip"
        inner_product_param {{ num_output: 2 weight_filler {{ type: "xavier" }} }} }}
      layer {{ name: "loss" type: "SoftmaxWithLoss" bottom: "ip" bottom: "label" top: "loss" }}"""
    fields = f'momentum: 0.9 test_iter: 2 test_interval: 3 snapshot_prefix: "{tmp_path}/tiny"'
    log = RecordedLog()
    with tiny_solver(fields, net, log=log) as solver:
        solver.step(7)
        path = solver.snapshot()
        log.stream.truncate(0)
        solver.step(7)
        wanted, lines = everything(solver), log.messages("solver.cpp:414")
    log = RecordedLog()
    with tiny_solver(fields, net, log=log) as solver:
        solver.step(2)  # a solver that has gone elsewhere comes back
        solver.restore(path)
        log.stream.truncate(0)
        solver.step(7)
        assert everything(solver) == wanted
        assert log.messages("solver.cpp:414") == lines


def test_snapshots_while_solving(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    log = RecordedLog()
    fields = 'max_iter: 5 snapshot: 2 snapshot_prefix: "tiny" snapshot_after_train: true'
    with tiny_solver(fields, log=log) as solver:
        solver.solve()
    assert log.messages("solver.cpp:464", "sgd_solver.cpp:284") == [
        line
        for i in (2, 4, 5)
        for line in (
            f"Snapshotting to binary proto file tiny_iter_{i}.caffemodel",
            f"Snapshotting solver state to binary proto file tiny_iter_{i}.solverstate",
        )
    ]
    assert sorted(os.listdir()) == sorted(
        f"tiny_iter_{i}.{kind}" for i in (2, 4, 5) for kind in ("caffemodel", "solverstate")
    )
    log = RecordedLog()
    with tiny_solver(fields, log=log) as solver:
        solver.solve("tiny_iter_5.solverstate")  # nothing is left to do
        assert solver.iter == 5
    assert log.messages("solver.cpp:296", "sgd_solver.cpp:336") == [
        "Restoring previous solver status from tiny_iter_5.solverstate",
        "SGDSolver: restoring history",
    ]


def test_hdf5_snapshot_is_logged_and_shared_parameters_are_stored_once(tmp_path):
    log = RecordedLog()
    net = TINY_NET.replace("num_output: 2", "num_output: 3").replace("num_output: 5", "num_output: 3")
    net = net.replace("param { lr_mult: 1 }", 'param { name: "w" }').replace(
        'top: "ip2"\n', 'top: "ip2" param { name: "w" }\n'
    )
    fields = f'snapshot_format: HDF5 momentum: 0.9 snapshot_diff: true snapshot_prefix: "{tmp_path}/tiny"'
    with tiny_solver(fields, net, log=log) as solver:
        solver.step(2)
        path = solver.snapshot()
        wanted = everything(solver)
    assert log.messages("solver.cpp:474", "sgd_solver.cpp:296") == [
        f"Snapshotting to HDF5 file {tmp_path}/tiny_iter_2.caffemodel.h5",
        f"Snapshotting solver state to HDF5 file {tmp_path}/tiny_iter_2.solverstate.h5",
    ]
    with tiny_solver(fields, net) as solver:
        solver.restore(path)
        assert everything(solver) == wanted


def test_gradients_in_a_snapshot(tmp_path):
    with tiny_solver(f'snapshot_diff: true snapshot_prefix: "{tmp_path}/tiny"') as solver:
        solver.step(1)
        solver.snapshot()
        diff = solver.net.params["ip2"][1].diff.tolist()
    message = schema.NetParameter.FromString((tmp_path / "tiny_iter_1.caffemodel").read_bytes())
    assert next(list(layer.blobs[1].diff) for layer in message.layer if layer.name == "ip2") == diff


# -- prefixes --------------------------------------------------------------------------------------------------


def test_prefix(tmp_path):
    path = tmp_path / "lenet.solver.prototxt"
    path.write_text("base_lr: 1")
    assert prefix(load_solver(path)) == str(tmp_path / "lenet.solver")
    path.write_text('snapshot_prefix: "out/lenet"')
    assert prefix(load_solver(path)) == "out/lenet"
    path.write_text(f'snapshot_prefix: "{tmp_path}"')
    assert prefix(load_solver(path)) == str(tmp_path / "lenet.solver")
    assert prefix(parse_solver("")) == ""


def test_missing_prefix_and_folder(tmp_path):
    with pytest.raises(SolverError) as caught:
        tiny_solver("snapshot: 5")
    assert caught.value.sentence() == (
        "<text>: snapshot_prefix is missing; expected the path that the names of snapshots start with. "
        'Add snapshot_prefix: "snapshots/lenet".'
    )
    target = f"{tmp_path}/nowhere/tiny"
    with pytest.raises(WeightsError) as caught:
        tiny_solver(f'snapshot: 5 snapshot_prefix: "{target}"')
    assert str(caught.value) == (
        f'{target}_iter_0.solverstate: cannot be written in folder "{tmp_path}/nowhere": No such file or directory. '
        "Create the folder first, or name another one."
    )


# -- what can be wrong with a snapshot -------------------------------------------------------------------------


@pytest.fixture
def pair(tmp_path):
    """A snapshot after three iterations: (state, weights)."""
    with tiny_solver(f'momentum: 0.9 snapshot_prefix: "{tmp_path}/tiny"') as solver:
        solver.step(3)
        state = Path(solver.snapshot())
    return state, state.with_suffix(".caffemodel")


def complaint(path, fields: str = "momentum: 0.9", net: str = TINY_NET) -> str:
    """The sentence of a refused restore, which must leave the solver as it was."""
    with tiny_solver(fields, net) as solver:
        before = everything(solver), solver.iter
        with pytest.raises(WeightsError) as caught:
            solver.restore(path)
        assert (everything(solver), solver.iter) == before
    return str(caught.value)


def test_snapshot_that_moved_to_another_folder(pair, tmp_path):
    (tmp_path / "moved").mkdir()
    for path in pair:
        shutil.move(path, tmp_path / "moved" / path.name)
    with tiny_solver("") as solver:
        solver.restore(tmp_path / "moved" / pair[0].name)
        assert solver.iter == 3


def test_missing_weights(pair):
    state, weights = pair
    weights.unlink()
    assert complaint(state) == (
        f"{state}: names the weight file {weights}, which is neither there nor beside it; expected {weights}. "
        "Put the two files of the snapshot together."
    )


def test_truncated_weights(pair):
    state, weights = pair
    content = weights.read_bytes()
    weights.write_bytes(content[:-30])
    assert complaint(state) == (
        f"{weights}: has {len(content) - 30} bytes; the solver state was written with a weight file of "
        f"{len(content)} bytes. It was cut off or replaced; resume from an older snapshot."
    )


def test_flipped_weights(pair):
    state, weights = pair
    content = bytearray(weights.read_bytes())
    content[-2] ^= 4
    weights.write_bytes(content)
    assert "It was damaged or replaced; resume from an older snapshot." in complaint(state)


def test_swapped_files(pair):
    state, weights = pair
    assert complaint(weights).startswith(f"{weights}: is damaged or no binary solverstate: the iteration is length-")


@pytest.fixture(params=["BINARYPROTO", "HDF5"])
def two_pairs(tmp_path, request):
    """Snapshots after two and after three iterations, as functions of iteration and kind."""
    ending = ".h5" if request.param == "HDF5" else ""
    fields = f'momentum: 0.9 snapshot: 1 snapshot_format: {request.param} snapshot_prefix: "{tmp_path}/tiny"'
    with tiny_solver(fields) as solver:
        solver.step(3)
    for path in tmp_path.glob("tiny_iter_1.*"):
        path.unlink()
    return lambda iteration, kind: tmp_path / f"tiny_iter_{iteration}.{kind}{ending}"


OFFER = " The newest complete one before it is {}."


@pytest.mark.parametrize("kind", ["caffemodel", "solverstate"])
def test_an_older_snapshot_is_offered_whatever_is_damaged(two_pairs, kind):
    """A truncated file, an empty one, one flipped bit anywhere, weights of another iteration: nothing is loaded."""
    path, state = two_pairs(3, kind), two_pairs(3, "solverstate")
    content = path.read_bytes()
    damaged = [content[:-1], content[: len(content) // 2], b"", two_pairs(2, kind).read_bytes()]
    flips = np.random.default_rng(1).integers(0, len(content) * 8, 12) if kind == "caffemodel" else []
    for bit in flips:
        flipped = bytearray(content)
        flipped[bit // 8] ^= 1 << bit % 8
        damaged.append(bytes(flipped))
    if kind == "solverstate":
        damaged.pop()  # the state of iteration 2 under another name is whole, and so are its weights
    for other in damaged:
        path.write_bytes(other)
        assert complaint(state).endswith(OFFER.format(two_pairs(2, "solverstate")))
        assert newest_complete(f"{state.parent}/tiny") == str(two_pairs(2, "solverstate"))
    path.write_bytes(content)
    assert newest_complete(f"{state.parent}/tiny") == str(state)


def test_a_flipped_bit_of_the_history_is_noticed(two_pairs):
    state = two_pairs(3, "solverstate")
    content = bytearray(state.read_bytes())
    history = read_solverstate(state).history[0].tobytes()
    content[content.index(history) + 5] ^= 8
    state.write_bytes(content)
    assert "its checksum is" in complaint(state)


def test_state_of_another_net_or_solver(pair):
    state, _ = pair
    found = "holds 4 history blobs of shapes (5, 3), (5,), (2, 5), (2,)"
    advice = "Resume with the solver and net that wrote it, or start from its weights instead."
    assert complaint(state, 'type: "Adam" momentum: 0.9') == (
        f"{state}: {found}; this Adam solver expects 8 history blobs of shapes "
        f"(5, 3), (5,), (2, 5), (2,), (5, 3), (5,), (2, 5), (2,). {advice}"
    )
    assert complaint(state, net=TINY_NET.replace("num_output: 2", "num_output: 3")) == (
        f"{state}: {found}; this SGD solver expects 4 history blobs of shapes (5, 3), (5,), (3, 5), (3,). {advice}"
    )


def test_weights_that_lack_a_layer(pair):
    """A weight file of Caffe's carries no checksum; one that was cut off between two layers is noticed all the same."""
    state, weights = pair
    message = schema.NetParameter.FromString(weights.read_bytes())
    kept = [layer for layer in message.layer if layer.name != "ip2"]
    del message.layer[:]
    message.layer.extend(kept)
    weights.write_bytes(message.SerializeToString())
    found = read_solverstate(state)
    write_solverstate(state, SolverState(found.iter, found.learned_net, found.history, found.current_step))
    assert complaint(state) == (
        f"{weights}: has no weights for ip2; the weights of all layers are expected. "
        "It belongs to another net or was cut off; resume from another snapshot."
    )


def test_recorded_state_of_caffe(recorded_dir):
    path = str(recorded_dir / "lenet" / "lenet_iter_200.solverstate")
    weights = find_learned_net(path, read_solverstate(path))
    assert weights == str(recorded_dir / "lenet" / "lenet_iter_200.caffemodel")
    assert len(read_caffemodel(weights)) == 9


def test_history_of_old_four_axis_shapes(pair):
    """States of very old Caffes store vectors with leading axes of one."""
    state, _ = pair
    found = read_solverstate(state)
    vectors = [array.reshape((1, 1, 1, -1)) if array.ndim == 1 else array for array in found.history]
    write_solverstate(state, SolverState(found.iter, found.learned_net, vectors, found.current_step))
    with tiny_solver("momentum: 0.9") as solver:
        solver.restore(state)
        assert np.array_equal(solver.history[1], found.history[1])
