"""Answers on images: the text, the JSON, and the recorded probabilities of Caffe."""

from __future__ import annotations

import json

import numpy as np
import pytest
from PIL import Image

from netdef import TEST, Net

# Two classes: the mean of the left two columns against the mean of the right three.
HALVES = """\
layer {
  name: "data" type: "Input" top: "data" input_param { shape { dim: 1 dim: 1 dim: 4 dim: 5 } }
  transform_param { scale: 0.00390625 }
}
layer {
  name: "ip" type: "InnerProduct" bottom: "data" top: "ip"
  inner_product_param { num_output: 2 bias_term: false }
}
layer { name: "prob" type: "Softmax" bottom: "ip" top: "prob" }
"""
PIXELS = np.zeros((4, 5), np.uint8)
PIXELS[1:3, 1] = 255  # one light stroke on the left


@pytest.fixture
def project(tmp_path):
    (tmp_path / "net.prototxt").write_text(HALVES)
    net = Net(tmp_path / "net.prototxt", TEST)
    weight = np.zeros((2, 4, 5), np.float32)
    weight[0, :, :2], weight[1, :, 2:] = 1 / 8, 1 / 12
    net.params["ip"][0].data[...] = weight.reshape(2, 20)
    net.save(tmp_path / "net.caffemodel")
    Image.fromarray(PIXELS).save(tmp_path / "left.png")
    Image.fromarray(255 - PIXELS[:, ::-1]).save(tmp_path / "paper_right.png")
    return tmp_path


WORDS = ["classify", "-model", "net.prototxt", "-weights", "net.caffemodel"]
LEFT = 1 / (1 + np.exp(-(2 * 255 / 256) / 8))  # the probability of class 0 for left.png


def test_an_answer_for_each_image(run, project):
    result = run(*WORDS, "left.png", "left.png")
    assert (result.status, result.err) == (0, "")
    assert result.out == f"left.png: 0 ({LEFT:.4f})\n" * 2


def test_labels_and_runners_up(run, project):
    (project / "words.txt").write_text("left side\nright side\n\n")
    result = run(*WORDS, "left.png", "--labels", "words.txt", "--top", 5)
    assert result.out == f"left.png: left side ({LEFT:.4f}), right side ({1 - LEFT:.4f})\n"


def test_json(run, project):
    record = json.loads(run(*WORDS, "left.png", "--json").out)
    assert list(record) == ["file", "answer", "top", "probabilities"]
    assert (record["file"], record["answer"]) == ("left.png", "0")
    assert record["probabilities"] == pytest.approx([LEFT, 1 - LEFT], abs=1e-6)
    assert record["top"] == [{"label": "0", "probability": record["probabilities"][0]}]


def test_ink_on_paper_is_turned_around(run, project):
    right = 1 / (1 + np.exp(-(2 * 255 / 256) / 12))
    assert run(*WORDS, "paper_right.png").out == f"paper_right.png: 1 ({right:.4f})\n"
    assert run(*WORDS, "paper_right.png", "-invert", "yes").out == f"paper_right.png: 1 ({right:.4f})\n"
    assert run(*WORDS, "paper_right.png", "-invert=no").out != f"paper_right.png: 1 ({right:.4f})\n"


def test_the_scale_can_be_chosen(run, project):
    (project / "net.prototxt").write_text(HALVES.replace("  transform_param { scale: 0.00390625 }\n", ""))
    assert run(*WORDS, "left.png", "-scale", 0.00390625).out == f"left.png: 0 ({LEFT:.4f})\n"
    assert run(*WORDS, "left.png").out == "left.png: 0 (1.0000)\n"


def test_a_net_for_many_answers_one_by_one(run, project):
    (project / "net.prototxt").write_text(HALVES.replace("dim: 1 dim: 1 dim: 4", "dim: 64 dim: 1 dim: 4"))
    assert run(*WORDS, "left.png").out == f"left.png: 0 ({LEFT:.4f})\n"


def test_the_recorded_probabilities(run, recorded_dir, zoo_dir, mnist_dir):
    """24 digits through Caffe's own LeNet: `deploy_prob.npz` holds what Caffe said."""
    recorded = np.load(recorded_dir / "lenet" / "deploy_prob.npz")
    images = [mnist_dir / "png" / name for name in recorded["files"]]
    if not images[0].exists():
        pytest.skip(f"no PNG files at {images[0].parent}")
    run(
        "deploy",
        zoo_dir / "bvlc/examples/mnist/lenet_train_test.prototxt",
        "-o",
        "deploy.prototxt",
        "-shape",
        "1,28,28",
    )
    weights = recorded_dir / "lenet" / "lenet_iter_1000.caffemodel"
    result = run("classify", "-model", "deploy.prototxt", "-weights", weights, "--json", *images)
    assert (result.status, result.err) == (0, "")
    found = np.array([json.loads(line)["probabilities"] for line in result.out.splitlines()])
    assert found.shape == recorded["prob"].shape == (24, 10)
    assert np.abs(found - recorded["prob"]).max() < 1e-4


def test_layers_without_weights_are_named(run, project):
    grown = HALVES + 'layer { name: "s" type: "Scale" bottom: "prob" top: "s" }'
    (project / "net.prototxt").write_text(grown)
    result = run(*WORDS, "left.png")
    assert (result.status, result.out) == (0, f"left.png: 0 ({LEFT:.4f})\n")
    assert result.err == (
        "Warning: net.caffemodel: no weights for s; the results are those of their fillers' values. "
        "Take the weights of this net.\n"
    )


def test_weights_of_another_net_are_refused(run, project):
    (project / "net.prototxt").write_text(HALVES.replace('name: "ip"', 'name: "other"'))
    result = run(*WORDS, "left.png")
    assert (result.status, result.out) == (1, "")
    assert result.err == (
        "net.caffemodel: holds weights for ip; the layers of this net that take weights are other. It belongs to "
        "another net; take the weights of this one.\n"
    )
