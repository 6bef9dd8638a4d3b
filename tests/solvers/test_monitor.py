"""The best tests, the snapshots that stay, stopping early."""

from __future__ import annotations

import os

import pytest

from netdef.errors import SolverError
from prototxt import parse_solver
from solvers import snapshots
from solvers.log import quiet
from solvers.monitor import Monitor
from tests.support.solvers import TINY_NET, RecordedLog, everything, tiny_solver

TESTS = "test_iter: 2 test_interval: 1 "


def monitor(fields: str, greatest: bool = True) -> Monitor:
    return Monitor(parse_solver('monitor: "a" ' + fields).message, greatest)


def feed(found: Monitor, *values: float) -> Monitor:
    for iteration, value in enumerate(values):
        found.record(iteration, [("other", -1.0), ("a", value)], quiet())
    return found


def test_best_values():
    found = feed(monitor("keep_best: 2"), 0.5, 0.7, 0.6, 0.7)
    assert found.best == [(1, 0.7), (3, 0.7)]  # of equals the earlier one comes first
    assert [found.among_best(iteration) for iteration in range(4)] == [False, True, False, True]
    assert feed(monitor("keep_best: 2", greatest=False), 0.5, 0.7, 0.6).best == [(0, 0.5), (2, 0.6)]
    assert feed(monitor(""), 0.5, 0.7).words() == "a = 0.7 at iteration 1"


def test_tests_without_better():
    found = feed(monitor("early_stopping: 2 min_improvement: 0.125"), 0.5, 0.625)
    assert (found.tests_without_better, found.exhausted) == (1, False)  # better, but not by enough
    assert feed(found, 0.5).exhausted
    assert not feed(monitor("early_stopping: 2"), 0.5, 0.4, 0.6, 0.5).exhausted
    assert not feed(monitor(""), 0.5, 0.4, 0.3, 0.2).exhausted


def test_what_is_no_number_is_never_better():
    found = feed(monitor("early_stopping: 2"), float("nan"), 0.5, float("nan"), float("nan"))
    assert found.best == [(1, 0.5)]
    assert found.exhausted


@pytest.mark.parametrize(
    ("fields", "greatest"), [('"accuracy"', True), ('"loss"', False), ('"loss" monitor_goal: GREATEST', True)]
)
def test_goal(fields, greatest):
    with tiny_solver(f"{TESTS} monitor: {fields}") as solver:
        assert solver.monitor.greatest is greatest


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        (
            TESTS + 'monitor: "acuracy"',
            'test net 0 has no output "acuracy". Did you mean "accuracy"? Its outputs: accuracy, loss.',
        ),
        (
            TESTS + 'monitor: "loss" monitor_net: 1',
            "monitor_net is 1; expected the number of a test net, of which there are 1, counted from 0. "
            "Change it, or add test_iter and test_interval.",
        ),
        ("keep_best: 1", 'keep_best needs monitor, which is missing. Add monitor: "accuracy".'),
        (
            'monitor: "loss"',
            "found monitor, but no test net to monitor. Add test_iter and test_interval, or take it away.",
        ),
    ],
)
def test_wrong_definitions(fields, sentence):
    with pytest.raises(SolverError) as caught:
        tiny_solver(fields)
    assert caught.value.sentence().partition(" ")[2] == sentence


def test_output_without_a_known_goal_or_of_several_values():
    extra = 'layer { name: "more" type: "Power" bottom: "label" top: "more" include { phase: TEST } }'
    with pytest.raises(SolverError) as caught:
        tiny_solver(TESTS + 'monitor: "more"', TINY_NET + extra)
    assert caught.value.sentence() == '<text>:1:31: output "more" has 4 values; expected one. Monitor another output.'
    one = TINY_NET.replace("dim: 4", "dim: 1")
    with pytest.raises(SolverError) as caught:
        tiny_solver(TESTS + 'monitor: "more"', one + extra)
    assert caught.value.sentence() == (
        '<text>:1:31: monitor_goal is missing; "more" is neither a loss nor an accuracy, so that it does not show '
        "what is better. Add monitor_goal: GREATEST or monitor_goal: LEAST."
    )


# -- snapshots that stay -----------------------------------------------------------------------------------------


def test_surplus():
    assert snapshots.surplus([1, 2, 3, 4], [1], 2) == [2]
    assert snapshots.surplus([1, 2], [], 0) == []
    assert snapshots.surplus([5], [], 3) == []


def kept(folder) -> list[int]:
    """The iterations of the pairs in a folder, which has nothing else."""
    names = sorted(os.listdir(folder))
    iterations = sorted(int(name.split("_iter_")[1].split(".")[0]) for name in names if "solverstate" in name)
    ending = ".h5" if any(name.endswith(".h5") for name in names) else ""
    expected = [f"tiny_iter_{i}.{kind}{ending}" for i in iterations for kind in ("caffemodel", "solverstate")]
    assert names == sorted(expected)
    return iterations


@pytest.mark.parametrize("snapshot_format", ["BINARYPROTO", "HDF5"])
def test_newest_snapshots_stay(tmp_path, snapshot_format):
    fields = f'max_iter: 9 snapshot: 2 keep_newest: 2 snapshot_prefix: "{tmp_path}/tiny" '
    fields += f"snapshot_format: {snapshot_format} snapshot_after_train: true"
    with tiny_solver(fields) as solver:
        solver.solve()
    assert kept(tmp_path) == [8, 9]


def test_snapshots_of_other_runs_are_left_alone(tmp_path):
    fields = f'snapshot: 1 keep_newest: 1 snapshot_prefix: "{tmp_path}/tiny"'
    with tiny_solver(fields.replace("keep_newest: 1", "")) as solver:
        solver.step(3)
    with tiny_solver(fields) as solver:
        solver.step(2)
    assert kept(tmp_path) == [2, 3]


def test_a_resumed_run_goes_on_removing_its_own(tmp_path):
    fields = f'snapshot: 1 keep_newest: 2 snapshot_prefix: "{tmp_path}/tiny"'
    with tiny_solver(fields) as solver:
        solver.step(3)
    with tiny_solver(fields) as solver:
        solver.restore(tmp_path / "tiny_iter_3.solverstate")
        solver.step(1)
    assert kept(tmp_path) == [3, 4]


def test_a_resumed_run_writes_the_same_snapshots(tmp_path):
    fields = f'snapshot: 1 keep_newest: 2 snapshot_prefix: "{tmp_path}/tiny"'
    with tiny_solver(fields) as solver:
        solver.step(4)
    wanted = (tmp_path / "tiny_iter_4.solverstate").read_bytes()
    with tiny_solver(fields) as solver:
        solver.restore(tmp_path / "tiny_iter_3.solverstate")
        solver.step(1)
    assert (tmp_path / "tiny_iter_4.solverstate").read_bytes() == wanted


class Scripted:
    """Stands in for the tests of a solver: each gives the next of some values."""

    def __init__(self, monkeypatch, *values: float) -> None:
        left = list(values)
        monkeypatch.setattr("solvers.testing.run_test", lambda solver, index: [("accuracy", left.pop(0))])


def test_best_snapshots_stay(tmp_path, monkeypatch):
    Scripted(monkeypatch, 0.1, 0.8, 0.9, 0.3, 0.2, 0.1)
    log = RecordedLog()
    fields = TESTS + 'max_iter: 5 snapshot: 2 keep_newest: 1 keep_best: 2 monitor: "accuracy" '
    with tiny_solver(fields + f'snapshot_prefix: "{tmp_path}/tiny"', log=log) as solver:
        solver.solve()
    assert kept(tmp_path) == [1, 2, 4]
    assert log.messages("solver.cpp:416") == [
        "Iteration 0, best accuracy so far = 0.1",
        "Iteration 1, best accuracy so far = 0.8",
        "Iteration 2, best accuracy so far = 0.9",
    ]


def test_what_the_last_test_outdoes_goes(tmp_path, monkeypatch):
    Scripted(monkeypatch, 0.1, 0.8, 0.3, 0.9)
    fields = TESTS + 'max_iter: 3 snapshot: 1 keep_newest: 1 keep_best: 1 monitor: "accuracy" '
    with tiny_solver(fields + f'snapshot_prefix: "{tmp_path}/tiny"') as solver:
        solver.solve()
    assert kept(tmp_path) == [3]


def test_early_stopping(tmp_path, monkeypatch):
    Scripted(monkeypatch, 0.1, 0.8, 0.7, 0.8)
    log = RecordedLog()
    fields = TESTS + 'max_iter: 9 early_stopping: 2 monitor: "accuracy" snapshot_after_train: true '
    with tiny_solver(fields + f'snapshot_prefix: "{tmp_path}/tiny"', log=log) as solver:
        solver.solve()
        assert (solver.iter, solver.stopped_by_monitor) == (3, True)
    assert kept(tmp_path) == [3]
    assert log.messages("solver.cpp:416")[-1] == (
        "Early stopping after 2 tests without a better accuracy = 0.8 at iteration 1"
    )
    assert log.messages("solver.cpp:311") == ["Optimization stopped early."]


def test_a_resumed_run_remembers_its_tests(tmp_path, monkeypatch):
    """The snapshot that the best test wrote holds that test: going on from it does not make it again."""
    Scripted(monkeypatch, 0.1, 0.8, 0.7, 0.6, 0.5)
    fields = TESTS + f'keep_best: 1 early_stopping: 3 monitor: "accuracy" snapshot_prefix: "{tmp_path}/tiny"'
    with tiny_solver(fields) as solver:
        solver.step(2)
    with tiny_solver(fields) as solver:
        solver.restore(tmp_path / "tiny_iter_1.solverstate")
        assert solver.monitor.best == [(1, 0.8)]
        solver.step(1)
        assert solver.monitor.tests_without_better == 0
        solver.step(2)
        assert solver.monitor.tests_without_better == 2
        wanted = everything(solver)
    monkeypatch.undo()
    with tiny_solver("") as solver:
        solver.step(4)
        assert everything(solver) == wanted
