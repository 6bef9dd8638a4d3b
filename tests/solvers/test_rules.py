"""All update rules against runs of BVLC Caffe 1.0 (tests/golden/solvers)."""

from __future__ import annotations

import numpy as np
import pytest

from prototxt import parse_solver
from solvers import SOLVERS, get_solver
from tests.conftest import CHECKOUT
from tests.support.nets import assert_near

CASES = sorted(path.stem for path in (CHECKOUT / "tests/golden/solvers").glob("*.npz"))


def recorded_solver(recorded, **options):
    solver = get_solver(parse_solver(f"{recorded['solver']} net_param {{ {recorded['net']} }}"), **options)
    for key in recorded:
        if key.startswith("init_"):
            name, index = key[5:].rsplit("_", 1)
            solver.net.params[name][int(index)].data[...] = recorded[key]
    solver.net.blobs["data"].data[...] = recorded["data"]
    solver.net.blobs["label"].data[...] = recorded["label"]
    return solver


@pytest.mark.parametrize("case", CASES)
def test_recorded_run(golden_dir, case):
    recorded = np.load(golden_dir / "solvers" / f"{case}.npz")
    with recorded_solver(recorded) as solver:
        losses = []
        for _ in range(int(recorded["iters"])):
            solver.step(1)
            losses.append(float(solver.net.blobs["loss"].data))
        assert_near("loss", losses, recorded["loss"])
        for key in recorded:
            if key.startswith("final_"):
                name, index = key[6:].rsplit("_", 1)
                assert_near(key, solver.net.params[name][int(index)].data, recorded[key])


def test_every_type_has_a_recorded_run(golden_dir):
    found = {str(np.load(golden_dir / "solvers" / f"{case}.npz")["solver"]).split('"')[1] for case in CASES}
    assert found == set(SOLVERS)


@pytest.mark.parametrize("case", ["sgd_l2", "adam"])
def test_float64(golden_dir, case):
    recorded = np.load(golden_dir / "solvers" / f"{case}.npz")
    with recorded_solver(recorded, dtype=np.float64) as solver:
        solver.step(int(recorded["iters"]))
        assert solver.history[0].dtype == np.float64
        assert_near("loss", float(solver.net.blobs["loss"].data), recorded["loss"][-1])


def test_the_update_is_left_in_diff(golden_dir):
    recorded = np.load(golden_dir / "solvers" / "sgd_l2.npz")
    with recorded_solver(recorded) as solver:
        solver.step(2)
        blob = solver.net.params["ip1"][0]
        before = blob.data.copy()
        solver.step(1)
        np.testing.assert_allclose(before - blob.diff, blob.data, rtol=1e-6)
        np.testing.assert_array_equal(blob.diff, solver.history[0])


@pytest.mark.parametrize("case", ["sgd_l2", "adam"])
def test_updating_on_the_way_back_gives_the_same_bits(golden_dir, case):
    recorded = np.load(golden_dir / "solvers" / f"{case}.npz")
    results = []
    for watched in (False, True):  # whoever watches the gradients sees all of them before the update
        with recorded_solver(recorded) as solver:
            solver.param.lr_policy, solver.param.gamma, solver.param.power = "inv", 0.3, 0.75
            if watched:
                solver.add_callback(lambda: None, lambda: None)
            assert solver.updates_early
            solver.step(8)  # from the fourth on the net repeats passes with the updates in them
            results.append([*(b.data for b in solver.net.learnable_params), *solver.history])
            results[-1] += [blob.diff for blob in solver.net.learnable_params]
    for early, late in zip(*results, strict=True):
        np.testing.assert_array_equal(early, late)


def test_clipping_waits_for_all_gradients(golden_dir):
    recorded = np.load(golden_dir / "solvers" / "sgd_l2.npz")
    with recorded_solver(recorded) as solver:
        solver.param.clip_gradients = 1
        assert not solver.updates_early
