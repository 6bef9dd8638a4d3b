"""What is set for the whole process: log, seed, mode and device, the place among solvers, the stopwatch."""

from __future__ import annotations

import numpy as np
import pytest

import netdef.caffe as caffe
from netdef.errors import UsageError


def test_one_line_in_the_log(capsys, monkeypatch):
    monkeypatch.setenv("GLOG_minloglevel", "0")
    caffe.log("hello")
    line = capsys.readouterr().err
    assert line.startswith("I") and line.endswith(" _caffe.cpp:63] hello\n")


@pytest.mark.parametrize("call", [(1,), (1, True), (1, False)])
def test_the_level_wins_over_the_environment(capsys, monkeypatch, call):
    monkeypatch.setenv("GLOG_minloglevel", "0")
    caffe.init_log(*call)
    caffe.log("hidden")
    caffe.set_mode_gpu()
    lines = capsys.readouterr().err.splitlines()
    assert [line.partition("] ")[2] for line in lines] == [
        "set_mode_gpu: netdef has no GPU code; it computes on the CPU."
    ]


def test_init_log_without_a_level(capsys, monkeypatch):
    monkeypatch.setenv("GLOG_minloglevel", "2")
    caffe.init_log()
    caffe.log("hidden")
    assert capsys.readouterr().err == ""


def test_devices(capsys, monkeypatch):
    monkeypatch.setenv("GLOG_minloglevel", "0")
    caffe.set_mode_cpu()
    assert capsys.readouterr().err == ""
    caffe.set_device(3)
    assert capsys.readouterr().err.endswith("set_device(3): netdef has no GPU code; it computes on the CPU.\n")


def test_a_seed_makes_nets_equal(small_file):
    weights = []
    for seed in (5, 5, 6):
        caffe.set_random_seed(seed)
        weights.append(caffe.Net(small_file, caffe.TRAIN).params["conv"][0].data)
    np.testing.assert_array_equal(weights[0], weights[1])
    assert (weights[0] != weights[2]).any()


def test_solvers_among_themselves():
    assert (caffe.solver_count(), caffe.solver_rank()) == (1, 0)
    caffe.set_solver_count(3)
    caffe.set_solver_rank(2)
    caffe.set_multiprocess(True)
    assert (caffe.solver_count(), caffe.solver_rank()) == (3, 2)
    caffe.set_solver_count(1)
    caffe.set_solver_rank(0)
    caffe.set_multiprocess(False)
    with pytest.raises(UsageError, match="^solver count is 0; expected 1 or more.$"):
        caffe.set_solver_count(0)
    with pytest.raises(UsageError, match="^solver rank is -1; expected 0 or more.$"):
        caffe.set_solver_rank(-1)


def test_without_nccl():
    assert caffe.has_nccl() is False
    assert caffe.NCCL("a solver", "uid").uid == "uid"


def test_layer_types():
    assert {"Data", "Convolution", "InnerProduct", "Python"} <= set(caffe.layer_type_list())


def test_modules_that_come_with_the_package():
    assert caffe.pycaffe.Net is caffe.Net
    assert caffe.io.Transformer


def test_stopwatch():
    timer = caffe.Timer()
    assert timer.ms == 0
    timer.start()
    timer.stop()
    assert 0 <= timer.ms < 1000


def test_all_names_are_there():
    for name in caffe.__all__:
        assert hasattr(caffe, name)
    for module in (caffe._caffe, __import__("netdef.caffe.pycaffe", fromlist=["x"])):
        for name in module.__all__:
            assert hasattr(module, name)
    assert (caffe.TRAIN, caffe.TEST, caffe.__version__) == (0, 1, "1.0.0")
