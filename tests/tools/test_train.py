"""Training from the command line: starts, stops, resumes, exit statuses."""

from __future__ import annotations

import signal

import pytest

from tests.support.event_files import read_folder, scalars, values_of
from tests.tools.nets import SELF_FED, log_messages

SOLVER = """\
net: "net.prototxt"
base_lr: 0.1
lr_policy: "fixed"
display: 1
max_iter: 4
snapshot: 2
snapshot_prefix: "tiny"
random_seed: 3
"""


@pytest.fixture
def project(tmp_path):
    (tmp_path / "net.prototxt").write_text(SELF_FED)
    (tmp_path / "solver.prototxt").write_text(SOLVER)
    return tmp_path


def losses(err: str) -> list[str]:
    return [line.rpartition("= ")[2] for line in err.splitlines() if "] Iteration" in line and "loss = " in line]


def test_a_whole_run(run, project):
    result = run("train", "-solver", "solver.prototxt", "-log", "train.log")
    assert (result.status, result.out) == (0, "")
    assert (project / "train.log").read_text() == result.err
    assert len(losses(result.err)) == 5  # iterations 0 to 3, and the last
    assert result.err.splitlines()[-1].endswith("] Optimization Done.")
    snapshots = {path.name for path in project.glob("tiny_iter_*")}
    assert snapshots == {f"tiny_iter_{n}.{kind}" for n in (2, 4) for kind in ("caffemodel", "solverstate")}


@pytest.mark.parametrize("words", [["-snapshot", "tiny_iter_2.solverstate"], ["--resume"], ["-snapshot", "auto"]])
def test_going_on_from_a_snapshot(run, project, words):
    whole = losses(run("train", "-solver", "solver.prototxt").err)
    for path in project.glob("tiny_iter_4.*"):
        path.unlink()
    result = run("train", "-solver", "solver.prototxt", *words)
    assert result.status == 0
    assert losses(result.err) == whole[2:]
    assert "] Resuming from tiny_iter_2.solverstate\n" in result.err


def test_resume_without_a_snapshot_starts_anew(run, project):
    result = run("train", "-solver", "solver.prototxt", "--resume")
    assert result.status == 0
    assert "Resuming" not in result.err


def test_resume_takes_the_newest(run, project):
    run("train", "-solver", "solver.prototxt")
    result = run("train", "-solver", "solver.prototxt", "--resume", "-iterations", 6)
    assert "] Resuming from tiny_iter_4.solverstate\n" in result.err
    assert (project / "tiny_iter_6.caffemodel").exists()


def test_a_damaged_snapshot_is_passed_over(run, project):
    whole = losses(run("train", "-solver", "solver.prototxt").err)
    state = project / "tiny_iter_4.solverstate"
    state.write_bytes(state.read_bytes()[:-1])
    result = run("train", "-solver", "solver.prototxt", "-snapshot", "auto")
    assert result.status == 0
    assert losses(result.err) == whole[2:]
    (warning,) = (line for line in result.err.splitlines() if "Passing over" in line)
    assert warning.startswith("W")
    assert "Passing over a snapshot: tiny_iter_4.solverstate: ends at byte" in warning
    assert "] Resuming from tiny_iter_2.solverstate\n" in result.err


def test_an_older_snapshot_is_offered(run, project):
    run("train", "-solver", "solver.prototxt")
    (project / "tiny_iter_4.caffemodel").unlink()
    result = run("train", "-solver", "solver.prototxt", "-snapshot", "tiny_iter_4.solverstate")
    assert result.status == 1
    assert result.err.splitlines()[-1] == (
        "tiny_iter_4.solverstate: names the weight file tiny_iter_4.caffemodel, which is neither there nor beside it; "
        "expected tiny_iter_4.caffemodel. Put the two files of the snapshot together. "
        "The newest complete one before it is tiny_iter_2.solverstate."
    )


def test_nothing_is_started_over_damaged_snapshots(run, project):
    run("train", "-solver", "solver.prototxt")
    for path in project.glob("*.solverstate"):
        path.write_bytes(b"")
    before = {path.name: path.read_bytes() for path in project.iterdir()}
    result = run("train", "-solver", "solver.prototxt", "-snapshot", "auto")
    assert result.status == 1
    cause = "is empty; a binary solverstate is expected. It was probably cut off while it was written or copied."
    assert result.err.splitlines()[-4:] == [
        "tiny: none of the 2 snapshots is complete:",
        f"  tiny_iter_4.solverstate: {cause}",
        f"  tiny_iter_2.solverstate: {cause}",
        "Bring back a copy of one of them, or move them away to start anew.",
    ]
    assert {path.name: path.read_bytes() for path in project.iterdir()} == before


def test_early_stopping_is_no_interruption(run, project):
    fields = "test_iter: 1\ntest_interval: 1\n#netdef monitor: 'loss' early_stopping: 1 min_improvement: 100\n"
    (project / "solver.prototxt").write_text(SOLVER + fields)
    result = run("train", "-solver", "solver.prototxt")
    assert result.status == 0
    assert "] Early stopping after 1 tests without a better loss = " in result.err
    assert (project / "tiny_iter_1.solverstate").exists()


def test_weights_for_the_first_start(run, project):
    first = losses(run("train", "-solver", "solver.prototxt").err)
    (project / "tiny_iter_4.caffemodel").rename(project / "start.caffemodel")
    for path in project.glob("tiny_iter_*"):
        path.unlink()
    words = ["train", "-solver", "solver.prototxt", "-snapshot", "auto", "-weights", "start.caffemodel"]
    again = run(*words)
    assert "] There is no snapshot yet; starting anew\n" in again.err
    assert losses(again.err)[0] == first[-1]
    assert "] Resuming from tiny_iter_4.solverstate\n" in run(*words, "-iterations", 6).err


def test_starting_from_weights(run, project):
    first = losses(run("train", "-solver", "solver.prototxt").err)
    again = losses(run("train", "-solver", "solver.prototxt", "-weights", "tiny_iter_4.caffemodel").err)
    assert again[0] == first[-1]


def test_a_gpu_is_not_used(run, project):
    messages = run("train", "-solver", "solver.prototxt", "-gpu", "0,1").err
    assert log_messages(messages.splitlines()[0]) == ["--gpu 0,1: netdef has no GPU code; it computes on the CPU."]
    (project / "solver.prototxt").write_text(SOLVER + "solver_mode: GPU\n")
    messages = run("train", "-solver", "solver.prototxt").err
    assert log_messages(messages.splitlines()[0]) == [
        "solver_mode: GPU: netdef has no GPU code; it computes on the CPU."
    ]


def test_a_gpu_is_missed_only_where_one_is_asked_for(run, project):
    assert log_messages(run("train", "-solver", "solver.prototxt").err.splitlines()[0]) == ["Use CPU."]


def test_an_empty_net_overwrites_nothing(run, project):
    run("train", "-solver", "solver.prototxt")
    before = {path.name: path.read_bytes() for path in project.glob("tiny_*")}
    (project / "net.prototxt").write_text("")
    result = run("train", "-solver", "solver.prototxt")
    assert result.status == 1
    assert result.err.splitlines()[-1] == (
        "net.prototxt: the net has no layer in phase TRAIN; expected at least one. "
        "Correct the path, or the phase, level and stage."
    )
    assert {path.name: path.read_bytes() for path in project.glob("tiny_*")} == before


def test_the_seed_and_the_stage_reach_the_solver(run, project):
    err = run("train", "-solver", "solver.prototxt", "-seed", 77, "-level", 2, "-stage", "a,b").err
    assert "\nrandom_seed: 77\n" in err
    assert '  level: 2\n  stage: "a"\n  stage: "b"\n' in err


def test_ctrl_c_stops_between_two_iterations(run, project, monkeypatch):
    from solvers import Solver

    step = Solver.step

    def interrupted_step(solver, iterations):
        signal.raise_signal(signal.SIGINT)
        step(solver, iterations)

    monkeypatch.setattr(Solver, "step", interrupted_step)
    result = run("train", "-solver", "solver.prototxt")
    assert result.status == 130
    assert "] Optimization stopped early.\n" in result.err
    assert (project / "tiny_iter_1.solverstate").exists()
    assert run("train", "-solver", "solver.prototxt", "-sigint_effect", "none").status == 0


def test_event_files_beside_the_training(run, project):
    result = run("train", "-solver", "solver.prototxt", "-tensorboard", "runs/tiny", "-tensorboard_interval", 2)
    assert result.status == 0
    events = read_folder(project / "runs" / "tiny")
    assert [step for step, _ in scalars(events)["loss"]] == [0, 1, 2, 3, 4]
    assert [step for step, _ in values_of(events, "histo")["scale/0"]] == [0, 2, 4]
    (project / "tiny_iter_4.solverstate").unlink()
    assert run("train", "-solver", "solver.prototxt", "-tensorboard", "runs/tiny", "--resume").status == 0
    assert len(list((project / "runs" / "tiny").iterdir())) == 2
    assert scalars(read_folder(project / "runs" / "tiny")) == scalars(events)


@pytest.mark.parametrize(
    ("words", "status", "message"),
    [
        (["-tensorboard", "net.prototxt"], 1,
         "net.prototxt: event files cannot be written there: File exists. Name a folder that can be written to."),
        (["-tensorboard_interval", 5], 2,
         "netdef train: --tensorboard_interval is for --tensorboard DIR, which is missing. "
         'See "netdef help train".'),
    ],
)  # fmt: skip
def test_event_files_that_cannot_be(run, project, words, status, message):
    result = run("train", "-solver", "solver.prototxt", *words)
    assert (result.status, result.err) == (status, message + "\n")
