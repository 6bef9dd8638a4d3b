"""Connections of a layer, as LeCun et al. (1998) count them; one rule for each type that has any.

A connection joins a unit to one that it reads, or to its bias, and carries a learned number; shared numbers count at
each place where they are used. Counted are those of one item of the batch. Layers whose units read others without a
number of their own (Pooling, ReLU) have none.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod
from typing import TYPE_CHECKING

from netdef.layer import Layer
from netdef.registry import Registry

if TYPE_CHECKING:
    from netdef.net import Net

Shape = tuple[int, ...]
Rule = Callable[[Layer, Sequence[Shape], Sequence[Shape]], int]

CONNECTIONS: Registry[Rule] = Registry("rule for connections of layer type")


def count_connections(layer: Layer, bottoms: Sequence[Shape], tops: Sequence[Shape]) -> int:
    """The connections of a layer that has been set up, given the shapes of its bottoms and tops."""
    return CONNECTIONS.get(layer.type)(layer, bottoms, tops) if layer.type in CONNECTIONS else 0


def learned_values(layer: Layer) -> int:
    """The values of a layer's parameters, without those that its connection_table leaves out."""
    return sum(blob.count - layer.unused_count(index) for index, blob in enumerate(layer.blobs))


def owned_values(net: Net) -> dict[str, int]:
    """The values of the parameters that each layer of a net owns, as `learned_values` counts; 0 where it has none."""
    owners = {id(blob) for blob in net.learnable_params}
    counts = {}
    for step in net.steps:
        owned = [index for index, blob in enumerate(step.layer.blobs) if id(blob) in owners]
        counts[step.node.name] = sum(step.layer.blobs[index].count - step.layer.unused_count(index) for index in owned)
    return counts


@CONNECTIONS.register("Convolution")
def convolution(layer: Layer, bottoms: Sequence[Shape], tops: Sequence[Shape]) -> int:
    """Every filter's weights and bias, at each place of its map."""
    places = sum(prod(top[layer.axis + 1 :]) for top in tops)
    return learned_values(layer) * places


@CONNECTIONS.register("ConvolutionDepthwise")
def convolution_depthwise(layer: Layer, bottoms: Sequence[Shape], tops: Sequence[Shape]) -> int:
    """As Convolution."""
    return convolution(layer, bottoms, tops)


@CONNECTIONS.register("DepthwiseConvolution")
def depthwise_convolution(layer: Layer, bottoms: Sequence[Shape], tops: Sequence[Shape]) -> int:
    """As Convolution."""
    return convolution(layer, bottoms, tops)


@CONNECTIONS.register("Deconvolution")
def deconvolution(layer: Layer, bottoms: Sequence[Shape], tops: Sequence[Shape]) -> int:
    """Every weight at each place of the bottoms, every bias at each place of the tops."""
    weights = layer.blobs[0].count * sum(prod(bottom[layer.axis + 1 :]) for bottom in bottoms)
    return weights + sum(prod(top[layer.axis :]) for top in tops if len(layer.blobs) > 1)


@CONNECTIONS.register("InnerProduct")
def inner_product(layer: Layer, bottoms: Sequence[Shape], tops: Sequence[Shape]) -> int:
    """Every weight and bias; once more for each place between the batch and ``axis``."""
    outputs = layer.param.inner_product_param.num_output
    return learned_values(layer) * (prod(tops[0][1:]) // outputs if len(tops[0]) > 1 else 1)


@CONNECTIONS.register("RBF")
def rbf(layer: Layer, bottoms: Sequence[Shape], tops: Sequence[Shape]) -> int:
    """Every unit with each value of its target."""
    return learned_values(layer)


@CONNECTIONS.register("SubSampling")
def sub_sampling(layer: Layer, bottoms: Sequence[Shape], tops: Sequence[Shape]) -> int:
    """Every unit with the pixels of its window, which share a coefficient, and with its bias."""
    return prod(tops[0][1:]) * (layer.size**2 + 1)
