"""Kernels that are compiled ahead are there when they are needed."""

import os
import re
import subprocess
import sys
from pathlib import Path

import numba
import pytest

from tools import _warm_tasks, _warming
from tools._warm_jobs import Crew

ROOT = Path(__file__).resolve().parents[2]
NET = """
layer { name: "in" type: "Input" top: "in" input_param { shape { dim: 2 dim: 3 } } }
layer { name: "absolute" type: "AbsVal" bottom: "in" top: "absolute" }
layer { name: "absolute2" type: "AbsVal" bottom: "absolute" top: "absolute2" }
layer { name: "loss" type: "Reduction" bottom: "absolute2" top: "loss" loss_weight: 1 include { phase: TRAIN } }
"""
USE = """
import numpy as np
from netdef import notices
import netdef.layers
from netdef.kernels import elementwise
notices.on_first_compilation = lambda: print("compiling")
from tools import _warming
_warming.example_layer({"type": "AbsVal", "dtype": "float32"})
_warming.twins({})
print("done")
"""


def tasks(request):
    """Short words for the tasks of a plan."""
    found = _warm_tasks.plan(request)
    return [
        " ".join([task["kind"], *task.get("types", [task.get("type")] if "type" in task else []), task.get("part", "")])
        for task in found
    ]


@pytest.fixture
def model(tmp_path):
    path = tmp_path / "net.prototxt"
    path.write_text(NET)
    return path


@pytest.mark.skipif(numba.config.DISABLE_JIT, reason="compiles")
def test_nothing_is_left_to_compile(tmp_path):
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path), "PYTHONPATH": str(ROOT)}

    def run(*command):
        return subprocess.run(
            [sys.executable, *command], cwd=tmp_path, env=environment, capture_output=True, text=True, check=True
        )

    warmed = run("-m", "tools.main", "warmup", "--layers", "AbsVal", "--jobs", "2")
    assert re.fullmatch(
        rf"Compiled \d+ kernels in \d+ s.\nThe cache, {tmp_path}/kernels-\w{{12}}, has \d+ kernels in \d+\.\d MB.\n",
        warmed.stdout,
    )
    assert warmed.stderr == ""
    assert run("-c", USE).stdout == "done\n"
    assert run("-m", "tools.main", "warmup", "--layers", "AbsVal", "--quiet").stdout == ""


def test_a_net_is_cut_by_types_and_phases(model):
    assert tasks({"models": [str(model)]}) == [
        "net Input all", "net AbsVal all", "net Reduction all", "net Input all", "net AbsVal all",
    ]  # fmt: skip
    assert tasks({"models": [str(model)], "phases": ["TEST"]}) == ["net Input all", "net AbsVal all"]


def test_long_types_are_cut_and_come_first():
    document = str(ROOT / "prototxt" / "models" / "lenet.prototxt")
    assert tasks({"models": [document], "phases": ["TRAIN"]})[:6] == [
        f"net {kind} {part}" for part in ("weights", "forward", "data") for kind in ("Convolution", "InnerProduct")
    ]


def test_a_solver_needs_its_nets_and_its_rule(model, tmp_path):
    solver = tmp_path / "solver.prototxt"
    solver.write_text(f'net: "{model}" type: "Adam" test_iter: 1 test_interval: 1 base_lr: 0.1 lr_policy: "fixed"')
    assert tasks({"solver": str(solver)}) == [
        "net Input all", "net AbsVal all", "net Reduction all", "rule Adam ", "net Input all", "net AbsVal all",
    ]  # fmt: skip


def test_all_there_is():
    found = tasks({"dtypes": ["float32", "float64"]})
    assert found.count("example Convolution ") == found.count("rule Adam ") == found.count("data ") == 2


@pytest.mark.parametrize("part", ["forward", "weights", "data", "all"])
def test_parts_of_a_net(part):
    task = {"kind": "net", "net": NET, "phase": 0, "types": ["AbsVal"], "part": part, "dtype": "float64"}
    _warming.layers_of_net(task)
    net = _warming._net(NET, 0, "float64")
    assert all(step.layer.param_propagate_down == [] for step in net.steps)


def test_large_nets_run_with_a_small_batch(monkeypatch):
    monkeypatch.setattr(_warming, "LARGEST", 24)
    net = _warming._net(NET.replace("dim: 2", "dim: 6"), 1, "float32")
    assert net.blobs["absolute2"].shape == (2, 3)


@pytest.mark.parametrize("kind", ["data", "rule", "example"])
def test_tasks_run(kind):
    _warming.KINDS[kind]({"type": {"rule": "Nesterov", "example": "Pooling"}.get(kind), "dtype": "float32"})


def test_a_process_that_stops_is_told(monkeypatch):
    monkeypatch.setattr("tools._warm_jobs.sys.executable", "false")
    with Crew(1, lambda done, total: None) as crew, pytest.raises(Exception) as caught:
        crew.compile({})
    assert str(caught.value) == "a process that compiles kernels has stopped."


def test_unknown_layer_type(run):
    result = run("warmup", "--layers", "Convolutoin")
    assert (result.status, result.out) == (1, "")
    assert result.err == 'netdef warmup: unknown layer type "Convolutoin". Did you mean "Convolution"?\n'


def test_definition_that_is_wrong(run, tmp_path):
    (tmp_path / "net.prototxt").write_text("layer {")
    result = run("warmup", "--model", "net.prototxt", "--jobs", "1")
    assert result.status == 1
    assert result.err.startswith("net.prototxt:1:1: ")


def test_cache_that_cannot_be_written(run, monkeypatch, tmp_path):
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setattr(numba.config, "DISABLE_JIT", 0)
    monkeypatch.setattr("netdef.kernels._cache.writable_folder", lambda: None)
    monkeypatch.setattr("netdef.kernels._cache.cache_folders", lambda: [tmp_path / "file" / "kernels-0"])
    result = run("warmup", "--jobs", "1")
    assert (result.status, result.out) == (1, "")
    assert result.err == (
        f"no folder for compiled kernels can be written: {tmp_path / 'file' / 'kernels-0'}. Set NUMBA_CACHE_DIR to a "
        "folder that you can write.\n"
    )
