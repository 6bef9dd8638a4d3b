"""caffe.SGDSolver and the others: their attributes, steps, updates, snapshots, callbacks and log."""

from __future__ import annotations

import os
import re
from pathlib import Path

import numpy as np
import pytest

import netdef.caffe as caffe
import solvers
from netdef.errors import SolverError

TYPES = {
    "SGD": caffe.SGDSolver,
    "Nesterov": caffe.NesterovSolver,
    "AdaGrad": caffe.AdaGradSolver,
    "RMSProp": caffe.RMSPropSolver,
    "AdaDelta": caffe.AdaDeltaSolver,
    "Adam": caffe.AdamSolver,
}


def test_attributes(solver_file):
    solver = caffe.SGDSolver(solver_file)
    assert (solver.iter, solver.param.max_iter, solver.param.display) == (0, 4, 2)
    assert isinstance(solver.net, caffe.Net) and isinstance(solver.test_nets[0], caffe.Net)
    assert len(solver.test_nets) == 1
    assert solver.lr == np.float32(0.1)
    assert repr(solver) == '<SGD solver of "small": iteration 0 of 4, base_lr 0.1, lr_policy step>'


def test_solve_and_step(solver_file):
    solver = caffe.SGDSolver(solver_file)
    solver.step(3)
    assert solver.iter == 3
    assert solver.lr == pytest.approx(0.05)
    solver.solve()
    assert solver.iter == 4


def test_asking_for_the_rate_changes_nothing(solver_file):
    solver = caffe.SGDSolver(solver_file)
    solver.step(2)
    before = solver.current_step
    assert [solver.lr, solver.lr] == pytest.approx([0.05, 0.05])
    assert solver.current_step == before


def test_an_update_by_hand(solver_file):
    solver = caffe.SGDSolver(solver_file)
    weight = solver.net.layers[1].blobs[0]
    weight.data[...] = 0
    weight.diff[...] = 1
    solver.apply_update()
    np.testing.assert_allclose(weight.data, -0.1, rtol=1e-6)


def test_a_hook_of_the_backward_pass_may_change_every_gradient(solver_file):
    solver = caffe.SGDSolver(solver_file)
    blobs = [blob for layer in solver.net.layers for blob in layer.blobs]
    before = [blob.data.copy() for blob in blobs]
    solver.net.after_backward(lambda layer: [blob.diff.fill(0) for blob in blobs] if layer == 0 else None)
    solver.step(1)
    assert blobs
    for blob, data in zip(blobs, before):
        np.testing.assert_array_equal(blob.data, data)


def test_a_training_loop_of_ones_own(solver_file):
    solver = caffe.SGDSolver(solver_file)
    solver.net.forward()
    solver.net.blobs["label"].data[...] = [0, 3, 6]
    losses = []
    for _ in range(8):
        losses.append(float(solver.net.forward(start="conv")["loss"]))
        solver.net.clear_param_diffs()
        solver.net.backward()
        solver.apply_update()
    assert losses[-1] < losses[0] / 2


@pytest.mark.parametrize("name", TYPES)
def test_the_type_decides(solver_file, name):
    momentum = "" if name in ("AdaGrad", "RMSProp") else "momentum: 0.9 "
    text = Path(solver_file).read_text().replace("momentum: 0.9 ", momentum)
    with open(solver_file, "w") as file:
        file.write(f'{text} type: "{name}"\n' + ("delta: 1e-6\n" if name == "AdaDelta" else ""))
    solver = caffe.get_solver(solver_file)
    assert type(solver) is TYPES[name]
    assert isinstance(solver, caffe.SGDSolver) and isinstance(solver, getattr(solvers, f"{name}Solver"))
    solver.step(1)
    assert type(TYPES[name](solver_file)) is TYPES[name]


def test_wrong_files(solver_file, tmp_path):
    for make in (caffe.get_solver, caffe.SGDSolver):
        with pytest.raises(RuntimeError, match="^Could not open file no.prototxt"):
            make("no.prototxt")
    with open(solver_file, "a") as file:
        file.write('type: "Adan"\n')
    with pytest.raises(SolverError, match='unknown solver type "Adan". Did you mean "Adam"?'):
        caffe.get_solver(solver_file)


def test_snapshot_and_restore(solver_file, tmp_path):
    solver = caffe.SGDSolver(solver_file)
    solver.step(2)
    solver.snapshot()
    assert {"snap_iter_2.caffemodel", "snap_iter_2.solverstate"} <= set(os.listdir(tmp_path))
    solver.step(2)
    other = caffe.SGDSolver(solver_file)
    other.restore(f"{tmp_path}/snap_iter_2.solverstate")
    assert other.iter == 2
    other.step(2)
    for mine, theirs in zip(solver.net.learnable_params, other.net.learnable_params):
        np.testing.assert_array_equal(mine.data, theirs.data)
    resumed = caffe.SGDSolver(solver_file)
    resumed.solve(f"{tmp_path}/snap_iter_2.solverstate")
    assert resumed.iter == 4


def test_callbacks(solver_file):
    solver = caffe.SGDSolver(solver_file)
    seen = []
    solver.add_callback(lambda: seen.append("start"), lambda: seen.append("gradients"))
    solver.step(2)
    assert seen == ["start", "gradients"] * 2


def test_sharing_with_another_net(solver_file, small_file):
    solver = caffe.SGDSolver(solver_file)
    net = caffe.Net(small_file, caffe.TEST)
    solver.share_weights(net)
    solver.step(1)
    np.testing.assert_array_equal(net.params["ip"][0].data, solver.net.params["ip"][0].data)


def test_nets_outlive_their_solver(solver_file):
    solver = caffe.SGDSolver(solver_file)
    nets = [solver.net, *solver.test_nets]
    del solver
    assert all(np.isfinite(net.forward()["loss"]) for net in nets)


def test_the_log_goes_to_standard_error(solver_file, capsys, monkeypatch):
    caffe.SGDSolver(solver_file).step(1)
    assert capsys.readouterr().err == ""
    monkeypatch.setenv("GLOG_minloglevel", "0")
    caffe.SGDSolver(solver_file).step(1)
    text = capsys.readouterr().err
    assert re.search(r"^I\d{4} [\d:.]+ +\d+ solver\.cpp:\d+\] Iteration 0", text, re.M)
    assert "Creating Layer conv" in text
