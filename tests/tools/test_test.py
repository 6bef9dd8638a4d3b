"""The lines of ``netdef test``, and Caffe's own recorded run."""

from __future__ import annotations

import re

import pytest

from netdef import TEST, Net
from tests.tools.nets import SELF_FED, log_messages
from tools.test import Score, mean_lines

MNIST_MEANS = ["Loss: 0.0579519", "accuracy = 0.9823", "loss = 0.0579519 (* 1 = 0.0579519 loss)"]


@pytest.fixture
def model(tmp_path):
    path = tmp_path / "net.prototxt"
    path.write_text(SELF_FED)
    Net(path, TEST).save(tmp_path / "net.caffemodel")
    return path


def test_batches_then_means(run, model, tmp_path):
    result = run(
        "test", "-model", model, "-weights", tmp_path / "net.caffemodel", "-iterations", 2, "--log", "test.log"
    )
    assert (result.status, result.out) == (0, "")
    assert log_messages(result.err) == [
        "Use CPU.",
        "Running for 2 iterations.",
        "Batch 0, loss = 4",
        "Batch 1, loss = 4",
        "Loss: 2",
        "loss = 4 (* 0.5 = 2 loss)",
    ]
    assert (tmp_path / "test.log").read_text() == result.err


def test_a_gpu_is_not_used(run, model, tmp_path):
    result = run("test", "--gpu=0", "--model", model, f"--weights={tmp_path / 'net.caffemodel'}", "--iterations=1")
    assert log_messages(result.err)[:2] == ["--gpu 0: netdef has no GPU code; it computes on the CPU.", "Use CPU."]
    assert result.err.startswith("W")


def test_means_of_several_numbers():
    scores = [Score("accuracy", 0.0, 1.5), Score("per_class", 0.0, 3.0), Score("loss", 2.0, 0.25)]
    assert mean_lines(scores, 2) == ["accuracy = 0.75", "per_class = 1.5", "loss = 0.125 (* 2 = 0.25 loss)"]


def test_the_recorded_run(run, mnist_dir, recorded_dir, zoo_dir, tmp_path):
    """Caffe's own log of this command, this net and these weights, batch by batch."""
    from netdef.data.mnist import convert_mnist, read_mnist

    digits = read_mnist(mnist_dir)
    (tmp_path / "examples" / "mnist").mkdir(parents=True)
    convert_mnist(digits.test_images, digits.test_labels, tmp_path / "examples" / "mnist" / "mnist_test_lmdb")
    result = run(
        "test", "-model", zoo_dir / "bvlc/examples/mnist/lenet_train_test.prototxt",
        "-weights", recorded_dir / "lenet/lenet_iter_1000.caffemodel", "-iterations", 100,
    )  # fmt: skip
    assert result.status == 0
    recorded = (recorded_dir / "lenet" / "caffe_test.log").read_text()
    expected = re.findall(r" caffe\.cpp:\d+\] (.*)", recorded)
    found = log_messages(result.err)
    assert found[-3:] == MNIST_MEANS
    assert [line.partition(" = ")[0] for line in found] == [line.partition(" = ")[0] for line in expected]
    for ours, theirs in zip(found[2:-3], expected[2:-3], strict=True):
        assert float(ours.partition(" = ")[2]) == pytest.approx(float(theirs.partition(" = ")[2]), rel=1e-3, abs=1e-5)
