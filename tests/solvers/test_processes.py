"""Exact resume from process to process, on any number of threads; killed processes, full and read-only disks."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from netdef.errors import WeightsError
from solvers import SOLVERS
from tests.conftest import CHECKOUT
from tests.support.run_solvers import write_data
from tests.support.solvers import TINY_NET, everything, tiny_solver


def run_module(name: str, *arguments, threads: int = 1) -> str:
    """The standard output of ``python -m name arguments`` in a new process."""
    environment = {**os.environ, "PYTHONPATH": str(CHECKOUT), "NUMBA_NUM_THREADS": str(threads)}
    result = subprocess.run(
        [sys.executable, "-m", name, *map(str, arguments)],
        env=environment, capture_output=True, text=True, check=False, timeout=600,
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    return result.stdout


def test_resumed_in_another_process_on_other_threads(tmp_path, monkeypatch):
    """2n iterations on one thread end as n on two threads, a snapshot, a new process and n on four."""
    monkeypatch.chdir(tmp_path)
    write_data()
    found = {
        what: json.loads(run_module("tests.support.run_solvers", tmp_path, what, threads, threads=threads))
        for what, threads in (("whole", 1), ("first", 2), ("second", 4))
    }
    assert set(found["whole"]) == {f"{kind} {iter_size}" for kind in SOLVERS for iter_size in (1, 2)}
    assert found["second"] == found["whole"] != found["first"]


# -- killed --------------------------------------------------------------------------------------------------------

KILLED_SOLVER = """
  net: "net.prototxt" type: "Adam" base_lr: 0.01 lr_policy: "fixed" momentum: 0.9 random_seed: 5
  max_iter: 200 snapshot: 3 snapshot_prefix: "tiny" average_loss: 4 display: 50
  test_iter: 2 test_interval: 4 monitor: "loss" keep_best: 2 keep_newest: 2
"""


@pytest.fixture
def folders(tmp_path) -> tuple[Path, Path]:
    """Two folders with one project."""
    made = tmp_path / "undisturbed", tmp_path / "killed"
    for folder in made:
        folder.mkdir()
        (folder / "net.prototxt").write_text(TINY_NET)
        (folder / "solver.prototxt").write_text(KILLED_SOLVER)
    return made


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.parametrize("snapshot_format", ["BINARYPROTO", "HDF5"])
def test_killed_processes_lose_nothing(folders, snapshot_format):
    """However often a run is killed, it ends with the files of an undisturbed one, to the last byte."""
    undisturbed, killed = folders
    for folder in folders:
        with open(folder / "solver.prototxt", "a", encoding="utf-8") as file:
            file.write(f"snapshot_format: {snapshot_format}\n")
    run_module("tests.support.killed_run", undisturbed, 1, "undisturbed")
    found = json.loads(run_module("tests.support.killed_run", killed, 2))
    assert found["operation"] == [6, 6] and found["write"] == [3, 3]
    assert found["half files"] == 3
    names = [sorted(path.name for path in folder.iterdir()) for folder in folders]
    assert names[0] == names[1]
    ending = ".h5" if snapshot_format == "HDF5" else ""
    for kind in ("caffemodel", "solverstate"):
        name = f"tiny_iter_200.{kind}{ending}"
        assert (killed / name).read_bytes() == (undisturbed / name).read_bytes()


# -- disks ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def small_disk(tmp_path):
    """A disk of 64 KiB; the superuser alone may have one."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = shutil.which("mount")
    command = [mount or "mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(folder)]
    if mount is None or subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("needs the right to mount a disk")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def wide_net(outputs: int) -> str:
    return TINY_NET.replace("num_output: 5", f"num_output: {outputs}")


def test_full_disk(small_disk):
    """Training ends with an error when a snapshot does not fit; the snapshots before it are whole."""
    fields = f'momentum: 0.9 snapshot: 2 snapshot_prefix: "{small_disk}/tiny"'
    with tiny_solver(fields, wide_net(600)) as solver:
        with pytest.raises(WeightsError) as caught:
            solver.step(20)
        failed = solver.iter
    # the error came while the training went on, at most until the next snapshot was due
    assert 2 < failed <= 8
    text = str(caught.value)
    assert text.startswith(f"{small_disk}/tiny_iter_")
    failing = int(text.removeprefix(f"{small_disk}/tiny_iter_").split(".")[0])
    assert text.endswith(
        f'cannot be written in folder "{small_disk}": No space left on device. '
        "The disk is full; make room or write to another folder. "
        f"The newest complete one before it is {small_disk}/tiny_iter_{failing - 2}.solverstate."
    )
    names = sorted(path.name for path in small_disk.iterdir())
    assert "tiny_iter_2.solverstate" in names
    assert not any(name.endswith(".tmp") for name in names)
    with tiny_solver(fields, wide_net(600)) as solver:
        solver.restore(small_disk / "tiny_iter_2.solverstate")
        assert solver.iter == 2


def test_read_only_disk(small_disk):
    fields = f'momentum: 0.9 snapshot_prefix: "{small_disk}/tiny"'
    with tiny_solver(fields) as solver:
        solver.step(1)
        state = solver.snapshot()
        wanted = everything(solver)
        subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
        solver.step(1)
        with pytest.raises(WeightsError) as caught:
            solver.snapshot()
    advice = "Read-only file system. The folder is on a read-only disk; write to another one."
    assert str(caught.value) == (
        f'{small_disk}/tiny_iter_2.caffemodel: cannot be written in folder "{small_disk}": {advice} '
        f"The newest complete one before it is {state}."
    )
    with pytest.raises(WeightsError) as caught:
        tiny_solver(fields + " snapshot: 1")
    assert str(caught.value) == (
        f'{small_disk}/tiny_iter_0.solverstate: cannot be written in folder "{small_disk}": {advice}'
    )
    with tiny_solver(fields) as solver:
        solver.restore(state)
        assert everything(solver) == wanted
