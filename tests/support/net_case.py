"""Whole nets on drawn weights and inputs, as the values in ``tests/golden/nets`` were recorded with BVLC Caffe 1.0.

Weights come from ``default_rng(1)``, layer after layer, unless a ``.caffemodel`` stands beside the definition;
inputs, one image each, from ``default_rng(2)``; the gradients of the outputs from ``default_rng(3)``.
"""

from __future__ import annotations

import numpy as np

from netdef.net import Net
from prototxt import load_net, schema

ALL_WITHOUT_GRADIENT = {"ArgMax", "Silence"}  # nets with these were recorded forward only
PRODUCTS = ("Convolution", "Deconvolution", "InnerProduct")
SUMMARY = 8  # values from either end of a blob


def normal(generator, count, scale=1.0):
    return np.float32(scale) * generator.standard_normal(count, dtype=np.float32)


def draw_blob(kind, index, shape, generator):
    """The values of learnable blob ``index`` of a layer of type ``kind``."""
    count = int(np.prod(shape))
    if index == 0 and kind in PRODUCTS:
        return normal(generator, count, np.sqrt(2.0 * shape[0] / count))
    if index == 0 and kind == "Scale":
        return 0.5 + generator.random(count, dtype=np.float32)
    if kind == "PReLU":
        return 0.5 * generator.random(count, dtype=np.float32)
    if kind == "BatchNorm" and index == 1:
        return 0.5 + generator.random(count, dtype=np.float32)
    if kind == "BatchNorm" and index == 2:
        return np.ones(count, np.float32)
    return normal(generator, count, 0.1)


def draw_weights(net):
    generator = np.random.default_rng(1)
    for step in net.steps:
        for index, blob in enumerate(step.layer.blobs):
            blob.data[...] = draw_blob(step.node.type, index, blob.shape, generator).reshape(blob.shape)


def make_net(path):
    """The net with its weights and inputs, ready to run."""
    document = load_net(path)
    document.message.force_backward = True
    weights = path.with_suffix(".caffemodel")
    net = Net(document, schema.TEST, weights=weights if weights.exists() else None)
    if not weights.exists():
        draw_weights(net)
    generator = np.random.default_rng(2)
    for name in net.inputs:
        net.blobs[name].reshape((1, *net.blobs[name].shape[1:]))
    net.reshape()
    for name in net.inputs:
        net.blobs[name].data[...] = normal(generator, net.blobs[name].count).reshape(net.blobs[name].shape)
    return net


def summary(values):
    """Mean, standard deviation, greatest magnitude, and the values at both ends."""
    wide, flat = values.astype(np.float64), values.reshape(-1)
    return np.r_[wide.mean(), wide.std(), np.abs(wide).max(), flat[:SUMMARY], flat[-SUMMARY:]].astype(np.float32)


def gradient_summary(values, count):
    return np.r_[np.sqrt((values.astype(np.float64) ** 2).sum()), values.reshape(-1)[:count]].astype(np.float32)


def run_case(path):
    """Names and arrays as in a recorded file."""
    net = make_net(path)
    net.run()
    found = {f"stat_{name}": summary(blob.data) for name, blob in net.blobs.items()}
    found.update({f"out_{name}": net.blobs[name].data.reshape(-1)[:20000].copy() for name in net.outputs})
    if ALL_WITHOUT_GRADIENT & {step.node.type for step in net.steps}:
        return found
    generator = np.random.default_rng(3)
    for name in net.outputs:
        net.blobs[name].diff[...] = normal(generator, net.blobs[name].count).reshape(net.blobs[name].shape)
    net.clear_param_diffs()
    net.run_backward()
    for name in net.inputs:
        found[f"gin_{name}"] = gradient_summary(net.blobs[name].diff, 64)
    for name, blobs in net.params.items():
        for index, blob in enumerate(blobs):
            found[f"gp_{name}_{index}"] = gradient_summary(blob.diff, SUMMARY)
    return found
