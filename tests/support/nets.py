"""Runs one layer by itself, and holds it against recorded values of Caffe."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

import netdef.layers  # noqa: F401  (registers the layer types)
from netdef.blob import Blob
from netdef.layer import LAYERS, Layer
from netdef.net import Net
from prototxt import parse_net, schema

GOLDEN_LAYERS = Path(__file__).resolve().parent.parent / "golden" / "layers"


@dataclass
class LayerRun:
    """A layer with its blobs, set up and run forward once."""

    layer: Layer
    bottom: list[Blob]
    top: list[Blob]

    def forward(self) -> LayerRun:
        self.layer.reshape(self.bottom, self.top)
        self.layer.forward(self.bottom, self.top)
        return self

    def backward(self, top_diffs=None, propagate_down=None) -> LayerRun:
        """Run backward; ``top_diffs`` are arrays, or None where the loss weight is the start."""
        for blob, diff in zip(self.top, top_diffs or []):
            if diff is not None:
                blob.diff[...] = diff
        for blob in self.layer.blobs:
            blob.diff[...] = 0
        down = propagate_down or [self.layer.allow_force_backward(i) for i in range(len(self.bottom))]
        self.layer.backward(self.top, down, self.bottom)
        return self


def layer_param(text: str):
    """The LayerParameter in ``layer { … }`` text (or in its bare fields)."""
    if not text.lstrip().startswith("layer"):
        text = "layer { " + text + " }"
    return parse_net(text).message.layer[0]


def make_layer(text: str, bottoms, phase=schema.TRAIN, dtype=np.float32, tops: int | None = None, seed=1) -> LayerRun:
    """A layer set up on the given bottom arrays, not run yet. In place where a top has a bottom's name."""
    param = layer_param(text)
    layer = LAYERS.get(param.type)(param, phase, dtype, seed)
    bottom = []
    for array in bottoms:
        blob = Blob(np.shape(array), dtype)
        blob.data[...] = array
        bottom.append(blob)
    names = list(param.bottom)
    count = tops if tops is not None else max(len(param.top), layer.num_top[0])
    top = []
    for i in range(count):
        in_place = i < len(param.top) and param.top[i] in names
        top.append(bottom[names.index(param.top[i])] if in_place else Blob((), dtype))
    layer.setup(bottom, top)
    return LayerRun(layer, bottom, top)


def run_layer(text: str, bottoms, phase=schema.TRAIN, dtype=np.float32, params=None, tops=None, seed=1) -> LayerRun:
    """`make_layer`, parameters written where given, then one forward pass."""
    run = make_layer(text, bottoms, phase, dtype, tops, seed)
    for blob, values in zip(run.layer.blobs, params or []):
        blob.data[...] = values
    return run.forward()


def assert_near(name: str, got, want, rtol=2e-3, atol=2e-4) -> None:
    """The tolerance under which recorded values were agreed to hold: mostly relative to the largest value."""
    got = np.asarray(got, np.float64).reshape(-1)
    want = np.asarray(want, np.float64).reshape(-1)
    assert got.shape == want.shape, f"{name}: shape {got.shape}, recorded {want.shape}"
    scale = max(np.abs(want).max(initial=0), 1e-6)
    error = np.abs(got - want).max(initial=0)
    assert np.isfinite(got).all(), f"{name}: not finite"
    assert error <= atol * scale + rtol * min(scale, 1) * 0.1 + 1e-6, f"{name}: off by {error:.3g} of {scale:.3g}"


def golden_layer(name: str) -> None:
    """Hold one layer against ``tests/golden/layers/<name>.npz``, forward and backward (BVLC Caffe 1.0, CPU)."""
    recorded = np.load(GOLDEN_LAYERS / f"{name}.npz")
    phase = schema.TRAIN if str(recorded["phase"]) == "TRAIN" else schema.TEST
    net = parse_net(str(recorded["prototxt"])).message
    params = [p for p in net.layer if p.name == "L"]
    layer = LAYERS.get(params[0].type)(params[0], phase, np.float32, 1)
    blobs = {}
    for key in sorted(k for k in recorded if k.startswith("bottom_")):
        blobs[key] = Blob(recorded[key].shape)
        blobs[key].data[...] = recorded[key]
    bottom = [blobs[name] for name in params[0].bottom]
    top = [blobs.setdefault(name, Blob()) for name in params[0].top]
    layer.setup(bottom, top)
    for i, blob in enumerate(layer.blobs):
        blob.data[...] = recorded[f"param_{i}"]
    run = LayerRun(layer, bottom, top).forward()
    for i, blob in enumerate(layer.blobs):
        if f"param_after_{i}" in recorded:
            assert_near(f"param_after_{i}", blob.data, recorded[f"param_after_{i}"])
    for key in (k for k in recorded if k.startswith("top_")):
        assert_near(key, blobs[key].data, recorded[key])
    if not net.force_backward:  # then nothing was run backward: the gradients on record are zeros
        return
    for key in (k for k in recorded if k.startswith("diff_top_")):
        blobs[key[5:]].diff[...] = recorded[key]
    run.backward()  # where no gradient is allowed the recorded one is 0
    for key in (k for k in recorded if k.startswith("diff_bottom_")):
        assert_near(key, blobs[key[5:]].diff, recorded[key])
    for key in (k for k in recorded if k.startswith("diff_param_")):
        assert_near(key, layer.blobs[int(key[11:])].diff, recorded[key])


def golden_net(name: str) -> None:
    """Hold the recorded net of one layer against the same file: as a net, which decides what goes backward."""
    recorded = np.load(GOLDEN_LAYERS / f"{name}.npz")
    phase = schema.TRAIN if str(recorded["phase"]) == "TRAIN" else schema.TEST
    net = Net(parse_net(str(recorded["prototxt"])), phase)
    params = net.params.get("L", [])
    for key in recorded:
        if key.startswith("bottom_"):
            net.blobs[key].data[...] = recorded[key]
    for i, blob in enumerate(params):
        blob.data[...] = recorded[f"param_{i}"]
    net.run()
    for key in recorded:
        if key.startswith("top_"):
            assert net.blobs[key].shape == recorded[key].shape
            assert_near(key, net.blobs[key].data, recorded[key])
        elif key.startswith("diff_top_"):
            net.blobs[key[5:]].diff[...] = recorded[key]
    net.run_backward()
    for key in recorded:
        if key.startswith("diff_bottom_"):
            assert_near(key, net.blobs[key[5:]].diff, recorded[key])
        elif key.startswith("diff_param_"):
            assert_near(key, params[int(key[11:])].diff, recorded[key])
