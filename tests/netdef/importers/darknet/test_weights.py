"""Weights files of all versions, and those that do not fit."""

from __future__ import annotations

import numpy as np
import pytest

from netdef.errors import WeightsError
from netdef.importers.darknet.conversion import import_darknet
from netdef.weights.caffemodel import parse_caffemodel
from tests.support.darknet import cfg_text, learned_arrays, weights_bytes, write

SECTIONS = [
    ("convolutional", {"filters": 4, "size": 2, "batch_normalize": 1}),
    ("connected", {"output": 5}),
    ("softmax", {}),
]
IMAGE = {"height": 3, "width": 4, "channels": 2}


@pytest.fixture
def values(rng):
    return [learned_arrays(rng, (4, 2, 2, 2), True), learned_arrays(rng, (5, 4 * 2 * 3), False), {}]


def load(folder, content, sections=SECTIONS):
    """Blobs by layer of an import, and its notices."""
    cfg = write(folder, "n.cfg", cfg_text(sections, **IMAGE))
    path = write(folder, "n.weights", content)
    result = import_darknet(cfg, path, net_file="n", snapshot_prefix="n")
    layers = parse_caffemodel(result.model.SerializeToString())
    return {layer.name: [np.asarray(blob) for blob in layer.blobs] for layer in layers if layer.blobs}, result.notices


@pytest.mark.parametrize("version", [(0, 1, 0), (0, 2, 0), (0, 2, 5), (1, 0, 0), (1001, 0, 0), (0, 1001, 0)])
def test_every_version(tmp_path, values, version):
    blobs, _ = load(tmp_path, weights_bytes(SECTIONS, values, version))
    convolution, connected, _ = values
    np.testing.assert_array_equal(blobs["conv0"][0], convolution["weights"])
    mean, variance, weight = blobs["conv0_bn"]
    np.testing.assert_allclose(mean / weight, convolution["mean"], rtol=1e-6)
    np.testing.assert_allclose(variance / weight, convolution["variance"], rtol=1e-6)
    np.testing.assert_array_equal(blobs["conv0_scale"], [convolution["scales"], convolution["biases"]])
    np.testing.assert_array_equal(blobs["ip1"][0], connected["weights"])
    np.testing.assert_array_equal(blobs["ip1"][1], connected["biases"])


def test_the_running_mean_goes_on_as_darknets(tmp_path, values):
    """Caffe's sums, with the next batch's mean of 3 added, are Darknet's 0.99 mean + 0.01 * 3."""
    (mean, _, weight), wanted = load(tmp_path, weights_bytes(SECTIONS, values))[0]["conv0_bn"], values[0]["mean"]
    np.testing.assert_allclose((0.99 * mean + 3) / (0.99 * weight + 1), 0.99 * wanted + 0.03, rtol=1e-5)


def test_a_file_of_the_first_layers(tmp_path, values):
    content = weights_bytes(SECTIONS[:1], values[:1])
    blobs, notices = load(tmp_path, content)
    assert set(blobs) == {"conv0", "conv0_bn", "conv0_scale"}
    assert notices[-1] == f"{tmp_path / 'n.weights'}: ends before ip1; they start from their fillers."


def test_dontload_and_dontloadscales(tmp_path, values):
    sections = [("convolutional", {**SECTIONS[0][1], "dontloadscales": 1}), ("connected", {"output": 5, "dontload": 1})]
    kept = {name: values[0][name] for name in ("biases", "weights")}
    blobs, _ = load(tmp_path, weights_bytes(sections, [kept, {}]), [*sections, SECTIONS[2]])
    assert "ip1" not in blobs
    np.testing.assert_array_equal(blobs["conv0_scale"], [np.ones(4), kept["biases"]])
    np.testing.assert_array_equal(blobs["conv0"][0], kept["weights"])


def test_flipped_filters(tmp_path, values):
    sections = [("convolutional", {**SECTIONS[0][1], "flipped": 1}), *SECTIONS[1:]]
    turned = {**values[0], "weights": values[0]["weights"].reshape(4, 8).T}
    blobs, _ = load(tmp_path, weights_bytes(sections, [turned, *values[1:]]), sections)
    np.testing.assert_array_equal(blobs["conv0"][0], values[0]["weights"])


def test_wrong_files(tmp_path, values):
    content = weights_bytes(SECTIONS, values)
    place = f"{tmp_path / 'n.weights'}: "
    cfg = tmp_path / "n.cfg"
    for wrong, message in (
        (content[:12], "holds 12 bytes; expected a Darknet weights file."),
        (b"PK\x03\x04" + content, "holds a zip archive (PyTorch and Keras write such files); expected a Darknet "
         "weights file."),
        (b"\xff" * 24, "has version -1.-1; expected a Darknet weights file."),
        (content[:19], "has version 0.2; expected a Darknet weights file."),
        (content[:-1], "has 691 bytes behind its header, which are no whole number of values of 4 bytes. It was "
         "probably "
         "cut off; copy it again."),
        (content[:-4], f"ends within [connected] of {cfg}:14:1, which needs 125 values and finds 124. Take the weights "
         "of this cfg, whole."),
        (content + bytes(8), "holds 175 values; this cfg takes 173. Take the weights of this cfg."),
    ):  # fmt: skip
        with pytest.raises(WeightsError) as caught:
            load(tmp_path, wrong)
        assert caught.value.sentence() == place + message
