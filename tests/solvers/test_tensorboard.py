"""What a training run writes for TensorBoard."""

from __future__ import annotations

import io
import re
import sys

import numpy as np
import pytest
from PIL import Image

from netdef.errors import SolverError
from netdef.report.events import EventFile
from prototxt import parse_solver
from solvers import get_solver
from solvers.log import Log
from solvers.tensorboard import TensorBoard, check_folder, to_pixels
from tests.support.event_files import graph_of, read_events, read_folder, scalars, values_of

NET = """
net_param {
  name: "tiny"
  layer {
    name: "data" type: "DummyData" top: "data" top: "target"
    dummy_data_param {
      shape { dim: 9 dim: 1 dim: 2 dim: 3 } data_filler { type: "uniform" min: -1 max: 3 }
      shape { dim: 9 dim: 2 } data_filler { type: "constant" value: 1 }
    }
  }
  layer {
    name: "ip" type: "InnerProduct" bottom: "data" top: "ip"
    inner_product_param { num_output: 2 weight_filler { type: "xavier" } }
  }
  layer { name: "error" type: "EuclideanLoss" bottom: "ip" bottom: "target" top: "error" }
  layer { name: "both" type: "Reduction" bottom: "ip" top: "both" reduction_param { axis: 1 } include { phase: TEST } }
}
"""
SOLVER = NET + """
base_lr: 0.1 lr_policy: "step" gamma: 0.5 stepsize: 4 display: 2 max_iter: 8 test_iter: 3 test_interval: 4
snapshot: 4 snapshot_prefix: "tiny" random_seed: 5 average_loss: 3
"""  # fmt: skip


@pytest.fixture(autouse=True)
def working_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "runs").mkdir()


def train(text: str = SOLVER, interval: int | None = None, restore: str = "", iterations: int = 8, log=None) -> None:
    document = parse_solver(text)
    document.message.max_iter = iterations
    with get_solver(document, log=log) as solver:
        if restore:
            solver.restore(restore)
        with TensorBoard(solver, "runs", interval) as recorder:
            solver.solve()
            recorder.finish()


def test_scalars_of_a_run():
    train()
    found = scalars(read_folder("runs"))
    assert [step for step, _ in found["loss"]] == [0, 2, 4, 6, 8]
    assert [step for step, _ in found["learning_rate"]] == [0, 2, 4, 6]
    assert [rate for _, rate in found["learning_rate"]] == pytest.approx([0.1, 0.1, 0.05, 0.05])
    assert [step for step, _ in found["train/error"]] == [0, 2, 4, 6]
    assert [step for step, _ in found["test/error"]] == [0, 4, 8]
    several = [tag for tag in found if tag.startswith("test/both")]
    assert several == [f"test/both/{place}" for place in range(9)]
    assert set(found) == {"loss", "learning_rate", "train/error", "test/error", *several}
    errors = [value for _, value in found["test/error"]]
    assert errors[0] > errors[1] > errors[2]


def test_values_are_those_of_the_log(capsys):
    train(log=Log(sys.stderr))
    logged = capsys.readouterr().err.splitlines()
    found = scalars(read_folder("runs"))
    for tag, kind in (("train/error", "Train"), ("test/error", "Test")):
        lines = [re.search(rf"{kind} net output #\d+: error = (\S+)", line) for line in logged]
        numbers = [float(line.group(1)) for line in lines if line]
        values = [value for _, value in found[tag]]
        assert values == pytest.approx(numbers[: len(values)], rel=1e-5)
    losses = [
        float(line.rpartition(", loss = ")[2]) for line in logged if "] Iteration" in line and ", loss = " in line
    ]
    assert [value for _, value in found["loss"]] == pytest.approx(losses, rel=1e-5)


def test_weights_images_and_the_graph():
    train()
    events = read_folder("runs")
    histograms = values_of(events, "histo")
    assert {tag: [step for step, _ in values] for tag, values in histograms.items()} == {
        "ip/0": [0, 4, 8], "ip/1": [0, 4, 8],
    }  # fmt: skip
    assert [value.num for _, value in histograms["ip/0"]] == [12] * 3
    assert (histograms["ip/1"][0][1].min, histograms["ip/1"][0][1].max) == (0, 0)
    images = values_of(events, "image")
    assert list(images) == [f"data/{number}" for number in range(8)]
    picture = Image.open(io.BytesIO(images["data/3"][0][1].encoded_image_string))
    assert (picture.size, picture.mode) == ((3, 2), "L")
    assert [node.name for node in graph_of(events).node] == ["data", "ip", "error"]


@pytest.mark.parametrize(
    ("fields", "interval", "steps"),
    [("", None, [0, 4, 8]), ("", 3, [0, 3, 6]), ("", 0, []), ("display", None, [0])],
)
def test_how_often_histograms_are_written(fields, interval, steps):
    text = SOLVER
    if fields == "display":  # no tests: every tenth display
        text = text.replace("test_iter: 3 test_interval: 4", "")
    train(text, interval)
    found = values_of(read_folder("runs"), "histo").get("ip/0", [])
    assert [step for step, _ in found] == steps


def test_two_test_nets_have_names_of_their_own():
    train(SOLVER.replace("test_iter: 3", "test_iter: 3 test_iter: 2"))
    assert {"test0/error", "test1/error"} <= set(scalars(read_folder("runs")))


def everything(folder: str) -> dict:
    events = read_folder(folder)
    histograms = {tag: [(step, value.SerializeToString()) for step, value in values]
                  for tag, values in values_of(events, "histo").items()}  # fmt: skip
    return {**scalars(events), **histograms}


def test_a_resumed_run_goes_on_where_its_snapshot_was(tmp_path):
    train()
    whole = everything("runs")
    for path in (tmp_path / "runs").iterdir():
        path.unlink()
    train(iterations=7)  # the iterations from 4 on are made again below
    train(restore="tiny_iter_4.solverstate")
    assert everything("runs") == whole


def test_a_test_that_is_not_repeated_is_kept():
    text = SOLVER.replace("snapshot: 4", "monitor: 'error' keep_best: 1")
    train(text, iterations=5)
    whole = scalars(read_folder("runs"))["test/error"]
    assert [step for step, _ in whole] == [0, 4]
    train(text, restore="tiny_iter_4.solverstate", iterations=5)
    assert scalars(read_folder("runs"))["test/error"] == whole


def test_a_new_run_in_the_folder_begins_anew():
    train()
    train(iterations=2)
    assert [step for step, _ in scalars(read_folder("runs"))["loss"]] == [0, 2]


def test_training_does_not_depend_on_it():
    train()
    with get_solver(parse_solver(SOLVER)) as solver, get_solver(parse_solver(SOLVER)) as other:
        with TensorBoard(solver, "runs"):
            solver.step(5)
        other.step(5)
        assert np.array_equal(solver.net.params["ip"][0].data, other.net.params["ip"][0].data)
        assert np.array_equal(solver.net.blobs["data"].data, other.net.blobs["data"].data)


def test_a_full_disk_ends_the_files_not_the_training(tmp_path, capsys, monkeypatch):
    written = EventFile.add
    calls = []

    def add(self, content, step):
        calls.append(step)
        if len(calls) > 3:
            raise OSError(28, "No space left on device")
        written(self, content, step)

    monkeypatch.setattr(EventFile, "add", add)
    train(log=Log(sys.stderr))
    (path,) = (tmp_path / "runs").iterdir()
    lines = capsys.readouterr().err.splitlines()
    warnings = [line for line in lines if line.startswith("W")]
    assert [line.partition("] ")[2] for line in warnings] == [
        f"runs/{path.name}: No space left on device. Training goes on without event files."
    ]
    assert lines[-1].endswith("Optimization Done.")
    assert len(calls) == 4
    assert len(read_events(path)) == 4


def test_a_folder_that_cannot_be_made(tmp_path):
    (tmp_path / "file").write_text("")
    for path, found in (("file", "File exists"), ("file/runs", "Not a directory")):
        with pytest.raises(SolverError) as caught:
            check_folder(path)
        assert str(caught.value) == (
            f"{path}: event files cannot be written there: {found}. Name a folder that can be written to."
        )
    check_folder("new/runs")
    assert list((tmp_path / "new" / "runs").iterdir()) == []


def test_pixels_of_colour_images():
    images = np.zeros((2, 3, 1, 4), np.float32)
    images[0, 0, 0, 1] = -1  # blue
    images[1, 2, 0, 3] = 3  # red
    pixels = to_pixels(images)
    assert (pixels.shape, pixels.dtype) == ((2, 1, 4, 3), np.uint8)
    assert list(pixels[0, 0, 1]) == [64, 64, 0]
    assert list(pixels[1, 0, 3]) == [255, 64, 64]
    assert np.all(to_pixels(np.full((1, 1, 2, 3), 7.0)) == 0)
