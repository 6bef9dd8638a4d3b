"""Multiply-accumulates of a forward pass, layer by layer; one rule for each type that has any.

Counted is a multiplication whose product is added to a running sum, as in ``sum += weight * value``. Biases,
comparisons (max pooling, ReLU), plain sums (average pooling, Eltwise sums without coefficients), exponentials and
divisions are not: a type without a rule has none.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod

from netdef.registry import Registry
from prototxt import schema

Shape = tuple[int, ...]
Rule = Callable[[schema.LayerParameter, Sequence[Shape], Sequence[Shape], Sequence[Shape]], int]

MACS: Registry[Rule] = Registry("rule for multiply-accumulates of layer type")


def count_macs(
    param: schema.LayerParameter, bottoms: Sequence[Shape], tops: Sequence[Shape], params: Sequence[Shape]
) -> int:
    """The multiply-accumulates of one forward pass, given the shapes of bottoms, tops and learnable blobs."""
    return MACS.get(param.type)(param, bottoms, tops, params) if param.type in MACS else 0


@MACS.register("Convolution")
def convolution(
    param: schema.LayerParameter, bottoms: Sequence[Shape], tops: Sequence[Shape], params: Sequence[Shape]
) -> int:
    """Each output value is one filter's inner product: channels / group * kernel_h * kernel_w.

    With a connection_table each filter has the channels of its column; all are computed, since the others count as 0.
    """
    return sum(prod(top) for top in tops) * prod(params[0][1:])


@MACS.register("Deconvolution")
def deconvolution(
    param: schema.LayerParameter, bottoms: Sequence[Shape], tops: Sequence[Shape], params: Sequence[Shape]
) -> int:
    """Each input value is multiplied into num_output / group * kernel_h * kernel_w places."""
    return sum(prod(bottom) for bottom in bottoms) * prod(params[0][1:])


@MACS.register("InnerProduct")
def inner_product(
    param: schema.LayerParameter, bottoms: Sequence[Shape], tops: Sequence[Shape], params: Sequence[Shape]
) -> int:
    """Each weight once for each item (and place before ``axis``)."""
    outputs = param.inner_product_param.num_output
    return prod(tops[0]) // outputs * prod(params[0])


@MACS.register("LRN")
def lrn(param: schema.LayerParameter, bottoms: Sequence[Shape], tops: Sequence[Shape], params: Sequence[Shape]) -> int:
    """Each value sums local_size squares across channels, or local_size * local_size within one."""
    size = param.lrn_param.local_size
    is_within = param.lrn_param.norm_region == param.lrn_param.WITHIN_CHANNEL
    return prod(tops[0]) * (size * size if is_within else size)


@MACS.register("BatchNorm")
def batch_norm(
    param: schema.LayerParameter, bottoms: Sequence[Shape], tops: Sequence[Shape], params: Sequence[Shape]
) -> int:
    """With stored statistics: one scaling and one shift for each value."""
    return prod(tops[0])


@MACS.register("RBF")
def rbf(param: schema.LayerParameter, bottoms: Sequence[Shape], tops: Sequence[Shape], params: Sequence[Shape]) -> int:
    """The square of each difference from each target."""
    return prod(tops[0]) * params[0][1]


@MACS.register("SubSampling")
def sub_sampling(
    param: schema.LayerParameter, bottoms: Sequence[Shape], tops: Sequence[Shape], params: Sequence[Shape]
) -> int:
    """One for each value: the sum times the coefficient, plus the bias."""
    return prod(tops[0])


@MACS.register("Scale")
def scale(
    param: schema.LayerParameter, bottoms: Sequence[Shape], tops: Sequence[Shape], params: Sequence[Shape]
) -> int:
    """One for each value."""
    return prod(tops[0])


@MACS.register("Eltwise")
def eltwise(
    param: schema.LayerParameter, bottoms: Sequence[Shape], tops: Sequence[Shape], params: Sequence[Shape]
) -> int:
    """A sum with coefficients: one for each bottom's values."""
    return prod(tops[0]) * len(param.eltwise_param.coeff)


@MACS.register("LSTM")
def lstm(param: schema.LayerParameter, bottoms: Sequence[Shape], tops: Sequence[Shape], params: Sequence[Shape]) -> int:
    """Each weight once for each time step and item."""
    return prod(tops[0][:2]) * sum(prod(shape) for shape in params if len(shape) > 1)


@MACS.register("RNN")
def rnn(param: schema.LayerParameter, bottoms: Sequence[Shape], tops: Sequence[Shape], params: Sequence[Shape]) -> int:
    """Each weight once for each time step and item."""
    return lstm(param, bottoms, tops, params)
