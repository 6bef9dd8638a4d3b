"""Layers that follow one another and are computed in one pass, with the same bits as layer by layer.

BatchNorm, Scale and ReLU in place, after a convolution or a sum perhaps: only their last values can be read once a pass
is over. A convolution and the maximum over windows of its top: both tops are written, image by image, so that the
second is made of what is still in the cache; backward likewise.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from netdef.kernels._size import sized
from netdef.kernels.finish import finish_planes, read_finish
from netdef.layers.batch_norm import BatchNormLayer
from netdef.layers.convolution import ConvolutionLayer
from netdef.layers.eltwise import EltwiseLayer
from netdef.layers.pooling import PoolingLayer
from netdef.layers.relu import ReLULayer
from netdef.layers.scale import ScaleLayer

if TYPE_CHECKING:
    from netdef.net import Step

ORDER = (BatchNormLayer, ScaleLayer, ReLULayer)


class Chain:
    """Steps in place, each of another type, in the order of `ORDER`, and before them the step that fills their blob.

    ``first`` and ``last`` are the numbers of its steps in the net; ``source`` is that step before them, a convolution
    or a sum, or None: it is no part of the chain then, which has two steps or more.
    """

    def __init__(self, first: int, source: Step | None, steps: Sequence[Step]) -> None:
        self.first, self.last = first, first + len(steps) - (source is None)
        self._source, self._blob = source, steps[0].top[0]
        layers = {type(step.layer): step.layer for step in steps}
        self._norm, self._scale, self._relu = (layers.get(kind) for kind in ORDER)
        self._ones = np.ones(self._blob.shape[1], self._blob.dtype)
        self._zeros = np.zeros_like(self._ones)
        rows = 1 if len(steps) == 1 and self._relu else 5
        slope = self._relu.slope if self._relu else self._ones[0]
        self._finish = np.full((rows, self._ones.size), slope, self._ones.dtype)

    def forward(self) -> None:
        """What the forward passes of the steps do."""
        if self._source and isinstance(self._source.layer, EltwiseLayer):
            self._source.layer.forward_rectified(self._source.bottom, self._source.top, self._relu.slope)
            return
        mean, deviation = self._norm.read_statistics() if self._norm else (self._zeros, self._ones)
        factor, term = self._ones, self._zeros
        if self._scale:
            factor = self._scale.blobs[0].data.reshape(-1)
            term = self._scale.blobs[1].data.reshape(-1) if len(self._scale.blobs) > 1 else term
        slope = self._finish[-1, 0]
        if self._source is None:
            data = self._blob.data.reshape(-1)
            sized(finish_planes, data.size)(mean, deviation, factor, term, slope, self._blob.count_from(2), data)
            return
        if len(self._finish) > 1:
            read_finish(mean, deviation, factor, term, slope, self._finish)
        self._source.layer.forward_finished(self._source.bottom, self._source.top, self._finish)


class PooledConvolution:
    """A convolution and the MAX pooling of its top, steps ``first`` and ``last`` of the net."""

    def __init__(self, first: int, convolution: Step, pooling: Step) -> None:
        self.first, self.last = first, first + 1
        self._convolution, self._pooling = convolution, pooling

    def forward(self) -> None:
        """What the forward passes of the steps do."""
        convolution, pooling = self._convolution, self._pooling
        convolution.layer.forward_and_pool(convolution.bottom[0], convolution.top[0], pooling.layer, pooling.top)

    def backward(self) -> None:
        """What the backward passes of the steps do, the later one's first."""
        convolution, pooling = self._convolution, self._pooling
        convolution.layer.spread_and_backward(
            convolution.top[0], convolution.bottom_needs_backward[0], convolution.bottom[0], pooling.layer, pooling.top
        )


def find_chains(steps: Sequence[Step]) -> dict[int, Chain | PooledConvolution]:
    """The chains of a net's forward pass, for the shapes that it has now, by the number of their first step."""
    chains: dict[int, Chain | PooledConvolution] = {}
    index = 0
    while index < len(steps):
        if _pools(steps, index):
            chains[index] = PooledConvolution(index, *steps[index : index + 2])
            index += 2
            continue
        source = steps[index] if _can_be_source(steps, index) else None
        start = index + (source is not None)
        end, rank = start, -1
        while end < len(steps) and _rank(steps[end], steps[start]) > rank:
            rank = _rank(steps[end], steps[start])
            end += 1
        if end - index > 1:
            chains[index] = Chain(index, source, steps[start:end])
        index = max(end, index + 1)
    return chains


def find_backward_chains(steps: Sequence[Step]) -> dict[int, PooledConvolution]:
    """The chains of a net's backward pass, by the number of their last step, which is the first to run."""
    return {
        index + 1: PooledConvolution(index, *steps[index : index + 2])
        for index in range(len(steps))
        if _pools(steps, index) and _spreads(*steps[index : index + 2])
    }


def _pools(steps: Sequence[Step], index: int) -> bool:
    """Whether step ``index`` is a convolution that can be computed together with the pooling that follows."""
    if index + 1 >= len(steps) or any(step.losses for step in steps[index : index + 2]):
        return False
    step, pooling = steps[index : index + 2]
    plain = type(step.layer) is ConvolutionLayer and type(pooling.layer) is PoolingLayer
    if not plain or len(step.bottom) > 1 or pooling.bottom[0] is not step.top[0]:
        return False
    apart = not np.may_share_memory(step.bottom[0].data, pooling.top[0].data)  # the first is read to the end
    return apart and step.layer.pools and pooling.layer.is_maximum and len(pooling.top) == 1


def _spreads(convolution: Step, pooling: Step) -> bool:
    """Whether the backward passes of a convolution and its pooling can be computed together."""
    both = convolution.needs_backward and pooling.needs_backward and pooling.bottom_needs_backward[0]
    return both and convolution.layer.spreads and pooling.layer.pairs


def _can_be_source(steps: Sequence[Step], index: int) -> bool:
    """Whether a step fills a blob that the next one works on in place, and can do the next one's work too."""
    step, after = steps[index], steps[min(index + 1, len(steps) - 1)]
    layer = step.layer
    if len(step.top) > 1 or step.losses or layer.needs_backward or after.top[:1] != step.top or after is step:
        return False
    if type(layer) is EltwiseLayer:
        return layer.is_plain_sum and type(after.layer) is ReLULayer
    return type(layer).forward is ConvolutionLayer.forward and layer.can_finish and layer.is_repeatable


def _rank(step: Step, head: Step) -> int:
    """The place of a step's type in `ORDER`, or -1 if it cannot be in a chain that begins with ``head``."""
    layer = step.layer
    if type(layer) not in ORDER or layer.needs_backward or step.losses:
        return -1
    blob = head.top[0]
    if not (len(step.bottom) == 1 and step.bottom[0] is blob and step.top[0] is blob and len(blob.shape) > 1):
        return -1
    if isinstance(layer, ScaleLayer) and (layer.blobs[0].count, layer.inner) != (blob.shape[1], blob.count_from(2)):
        return -1
    return ORDER.index(type(layer)) if layer.is_repeatable else -1
