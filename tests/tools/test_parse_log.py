"""parse_log and plot_training_log, on a log that `netdef train` writes and on what is none; draw_net."""

from __future__ import annotations

import csv
import re

import pytest

NET = """\
name: "logs"
layer {
  name: "data" type: "DummyData" top: "data" top: "label"
  dummy_data_param { shape { dim: 4 dim: 3 } shape { dim: 4 } data_filler { type: "gaussian" } data_filler {} }
}
layer {
  name: "ip" type: "InnerProduct" bottom: "data" top: "ip"
  inner_product_param { num_output: 2 weight_filler { type: "xavier" } }
}
layer { name: "accuracy" type: "Accuracy" bottom: "ip" bottom: "label" top: "accuracy" include { phase: TEST } }
layer { name: "loss" type: "SoftmaxWithLoss" bottom: "ip" bottom: "label" top: "loss" }
"""
SOLVER = """\
net: "net.prototxt" base_lr: 0.01 lr_policy: "inv" gamma: 0.01 power: 0.75 display: 10 max_iter: 45
test_iter: 2 test_interval: 20 snapshot_after_train: false
"""


@pytest.fixture
def log(run, tmp_path):
    (tmp_path / "net.prototxt").write_text(NET)
    (tmp_path / "solver.prototxt").write_text(SOLVER)
    assert run("train", "-solver", "solver.prototxt", "--log", "run.log").status == 0
    return tmp_path / "run.log"


def rows(path):
    with open(path, newline="") as file:
        return list(csv.DictReader(file))


def test_tables(run, log):
    result = run("parse_log", "--verbose", "run.log", ".")
    assert (result.status, result.out) == (0, "Wrote ./run.log.train\nWrote ./run.log.test\n")
    train, test = rows("run.log.train"), rows("run.log.test")
    assert [row["NumIters"] for row in train] == ["0.0", "10.0", "20.0", "30.0", "40.0"]
    assert [row["NumIters"] for row in test] == ["0.0", "20.0", "40.0"]
    assert list(test[0]) == ["NumIters", "Seconds", "LearningRate", "accuracy", "loss"]
    assert float(train[0]["LearningRate"]) == 0.01 and float(train[4]["LearningRate"]) < 0.01
    seconds = [float(row["Seconds"]) for row in train]
    assert seconds == sorted(seconds) and seconds[0] >= 0


def test_the_lines_have_the_forms_that_caffes_own_parsers_match(log):
    """The expressions of parse_log.py and the columns of parse_log.sh and extract_seconds.py."""
    text = log.read_text()
    assert len(re.findall(r"Train net output #(\d+): (\S+) = ([\.\deE+-]+)", text)) == 5
    assert len(re.findall(r"Test net output #(\d+): (\S+) = ([\.\deE+-]+)", text)) == 6
    assert len(re.findall(r"lr = ([-+]?[0-9]*\.?[0-9]+([eE]?[-+]?[0-9]+)?)", text)) == 5
    solving = [line for line in text.splitlines() if "] Solving " in line]
    assert solving[0].endswith("] Solving logs") and text.index("Solving") < text.index("Iteration")
    for line in text.splitlines():
        if "Iteration" in line:
            assert re.match(r"I\d{4} \d\d:\d\d:\d\d\.\d{6} ", line)
        if "Test net output" in line:
            float(line.split()[10])
        if ", lr = " in line:
            float(line.split()[8])


def test_charts(run, log):
    pytest.importorskip("matplotlib")
    assert run("plot_training_log", 0, "accuracy.png", "run.log").out == "accuracy.png\n"
    assert run("plot_training_log", 7, "loss.svg", "run.log").status == 0
    result = run("plot_training_log", 8, "loss.svg", "run.log")
    assert result.status == 2
    assert result.err.startswith("netdef plot_training_log: chart type 8 does not exist; they are 0: Test accuracy vs.")
    result = run("plot_training_log", 6, "loss.doc", "run.log")
    assert result.err == '"loss.doc" does not end in .png or .svg, which says what to write. Name it so.\n'


@pytest.mark.parametrize(
    "words, status, message",
    [
        (["run.log", "nowhere"], 1, '"nowhere" is not a folder; expected where the tables go. Create it.\n'),
        (["--delimiter=ab", "run.log", "."], 2, 'netdef parse_log: --delimiter is "ab"; expected one character.\n'),
        (["none.log", "."], 1, 'log "none.log" cannot be read: No such file or directory. Correct the path.\n'),
    ],
)
def test_wrong_words(run, log, words, status, message):
    result = run("parse_log", *words)
    assert (result.status, result.err) == (status, message)


def test_draw_net(run, log, tmp_path):
    result = run("draw_net", "net.prototxt", "net.svg", "--rankdir", "TB", "--phase", "TEST", "--display_lrm")
    assert (result.status, result.out) == (0, "Drawing net to net.svg\n")
    text = (tmp_path / "net.svg").read_text()
    assert ">accuracy<" in text and "lr mult: 1.0, 1.0" in text
    assert run("draw_net", "net.prototxt", "net.png").status == 0
    result = run("draw_net", "net.prototxt", "net.doc")
    assert result.status == 2 and result.err.startswith('"doc" is no picture format known here')
