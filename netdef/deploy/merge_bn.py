"""BatchNorm and Scale folded into the layers before them: the same answers from fewer layers.

Formula: with the channel's mean m, variance v, scale g and shift t, ``factor = g / sqrt(v + eps)``; the new weight is
``weight * factor``, the new bias ``(bias - m) * factor + t``.
Source: Caffe src/caffe/layers/batch_norm_layer.cpp:109-127 (what TEST computes), scale_layer.cpp.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from netdef.deploy.flow import Flow
from netdef.graph import filter_layers
from prototxt import schema

if TYPE_CHECKING:
    from netdef.net import Net

OUTPUT_AXIS = {"Convolution": 0, "ConvolutionDepthwise": 0, "DepthwiseConvolution": 0, "Deconvolution": 1,
               "InnerProduct": 0}  # fmt: skip
OPTIONS = {"InnerProduct": "inner_product_param"}


@dataclass
class Fold:
    """Layer ``host`` takes in ``batch_norm`` and ``scale``, indices into the layers; -1 for none."""

    host: int
    batch_norm: int = -1
    scale: int = -1

    @property
    def absorbed(self) -> list[int]:
        return [index for index in (self.batch_norm, self.scale) if index >= 0]


@dataclass
class Merged:
    """The new definition, ``notes`` on what was folded and what was not, and the blobs of the hosts by name."""

    message: schema.NetParameter
    notes: list[str] = field(default_factory=list)
    blobs: dict[str, list[np.ndarray]] = field(default_factory=dict)

    def fill(self, old: Net, new: Net) -> None:
        """Give ``new``, the net of the new definition, its parameters: folded ones, and those of ``old``."""
        for name, blobs in new.params.items():
            values = self.blobs.get(name) or [blob.data for blob in old.params[name]]
            for blob, value in zip(blobs, values, strict=True):
                blob.forget_filler()
                blob.data[...] = value.reshape(blob.shape)


@dataclass
class Difference:
    """The largest difference of the outputs, itself and as a part of the largest output; on which ``source``."""

    absolute: float
    relative: float
    source: str


def merge(net: Net) -> Merged:
    """Fold what can be folded in ``net``, a TEST net with its weights. The net stays as it is."""
    nodes, _ = filter_layers(net.document.message.layer, net.graph.state)
    flow = Flow(nodes)
    merged = Merged(schema.NetParameter())
    merged.message.CopyFrom(net.document.message)
    merged.message.ClearField("layer")
    folds = [fold for index in range(len(nodes)) if (fold := _find(net, flow, index, merged.notes))]
    absorbed = {index for fold in folds for index in fold.absorbed}
    by_host = {fold.host: fold for fold in folds}
    for index, node in enumerate(nodes):
        if index in absorbed:
            continue
        layer = merged.message.layer.add()
        layer.CopyFrom(node.param)
        if index in by_host:
            _rewrite(net, nodes, by_host[index], layer, merged)
    if not folds:
        merged.notes.append("There is nothing to fold: no BatchNorm or Scale follows a convolution.")
    return merged


def _find(net, flow: Flow, host: int, notes: list[str]) -> Fold | None:
    """What can be folded into layer ``host``, None for nothing."""
    node = flow.nodes[host]
    if node.type not in OUTPUT_AXIS or len(node.tops) != 1:
        return None
    fold, at = Fold(host), host
    for kind in ("BatchNorm", "Scale"):
        readers = flow.readers.get((at, 0), [])
        if len(readers) != 1 or flow.nodes[readers[0]].type != kind:
            continue
        obstacle = _obstacle(net, node, flow.nodes[readers[0]])
        if obstacle:
            notes.append(f'"{flow.nodes[readers[0]].name}" ({kind}) stays: {obstacle}.')
            break
        at = readers[0]
        setattr(fold, "batch_norm" if kind == "BatchNorm" else "scale", at)
    return fold if fold.absorbed else None


def _obstacle(net, host, follower) -> str:
    """Why ``follower`` cannot go into ``host``; "" where it can."""
    shared = [spec.name for param in (host.param, follower.param) for spec in param.param if spec.name]
    if shared:
        return f'parameter "{shared[0]}" has a name, so that other layers may share it'
    if host.type == "Deconvolution" and host.param.convolution_param.group > 1:
        return f'"{host.name}" (Deconvolution) has groups'
    options = host.param.inner_product_param
    if host.type == "InnerProduct" and (options.transpose or options.axis != 1):
        return f'"{host.name}" (InnerProduct) is transposed or has another axis'
    if follower.type == "BatchNorm":
        statistics = follower.param.batch_norm_param
        if statistics.HasField("use_global_stats") and not statistics.use_global_stats:
            return "it takes the statistics of each batch (use_global_stats: false)"
        return ""
    scale = follower.param.scale_param
    channels = net.params[host.name][0].shape[OUTPUT_AXIS[host.type]]
    if len(follower.bottoms) != 1:
        return "its scale is a bottom"
    if scale.axis != 1 or net.params[follower.name][0].shape != (channels,):
        return "it does not scale channels"
    return ""


def _rewrite(net, nodes, fold: Fold, layer, merged: Merged) -> None:
    """Make ``layer``, a copy of the host, and its blobs do the work of all."""
    host = nodes[fold.host]
    options = getattr(layer, OPTIONS.get(host.type, "convolution_param"))
    weight, *bias = [blob.data.astype(np.float64) for blob in net.params[host.name]]
    axis = OUTPUT_AXIS[host.type]
    channels = weight.shape[axis]
    shift = bias[0].reshape(-1) if bias else np.zeros(channels)
    factor = np.ones(channels)
    if fold.batch_norm >= 0:
        node = nodes[fold.batch_norm]
        mean, variance = _statistics(net, node)
        factor = 1 / np.sqrt(variance + node.param.batch_norm_param.eps)
        shift = (shift - mean) * factor
    if fold.scale >= 0:
        scale, *offset = [blob.data.astype(np.float64) for blob in net.params[nodes[fold.scale].name]]
        factor, shift = factor * scale, shift * scale + (offset[0] if offset else 0)
    along = [1] * weight.ndim
    along[axis] = channels
    merged.blobs[host.name] = [weight * factor.reshape(along), shift]
    options.ClearField("bias_term")
    layer.top[0] = nodes[fold.absorbed[-1]].tops[0]
    names = " and ".join(f'"{nodes[index].name}"' for index in fold.absorbed)
    merged.notes.append(f'Folded {names} into "{host.name}".')


def _statistics(net, node) -> tuple[np.ndarray, np.ndarray]:
    """The stored mean and variance; zeros while their weight is 0."""
    total, squares, weight = (blob.data.astype(np.float64).reshape(-1) for blob in net.params[node.name])
    share = 0.0 if weight[0] == 0 else 1 / weight[0]
    return total * share, squares * share


def compare(old: Net, new: Net, seed: int) -> Difference:
    """Run both nets on the same batch: random numbers in Input layers, else what the net's own data give."""
    source = "its own data"
    if old.inputs:
        source = "random inputs"
        draw = np.random.default_rng(seed)
        for name in old.inputs:
            values = draw.standard_normal(old.blobs[name].shape)
            old.blobs[name].data[...] = new.blobs[name].data[...] = values
    old.run()
    new.run()
    largest = max((float(np.abs(old.blobs[name].data).max(initial=0)) for name in old.outputs), default=0.0)
    gaps = [np.abs(old.blobs[name].data.astype(np.float64) - new.blobs[name].data) for name in old.outputs]
    absolute = max((float(gap.max(initial=0)) for gap in gaps), default=0.0)
    return Difference(absolute, absolute / largest if largest else absolute, source)
