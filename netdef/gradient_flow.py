"""Decides which layers run backward and which bottoms get a gradient.

A layer runs backward when something before it is learned and something after it is a loss; ``propagate_down``
and ``force_backward`` change that. Source: Caffe src/caffe/net.cpp:103-237, :417-440.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass


@dataclass
class LayerFlow:
    """What the decision needs to know of one layer, and the decision.

    ``bottoms`` and ``tops`` are blob indices; ``loss_weights`` has one entry a top; ``learns`` says whether
    any parameter has a learning rate; ``propagate_down`` is the definition's list, empty where not given.
    """

    bottoms: Sequence[int]
    tops: Sequence[int]
    loss_weights: Sequence[float]
    learns: bool
    propagate_down: Sequence[bool]
    allow_force_backward: Callable[[int], bool]
    needs_backward: bool = False
    bottom_needs_backward: list[bool] | None = None


def decide(layers: Sequence[LayerFlow], blob_names: Sequence[str], force_backward: bool) -> None:
    """Fill in ``needs_backward`` and ``bottom_needs_backward`` of every layer."""
    _forward_sweep(layers, len(blob_names))
    _backward_sweep(layers, blob_names)
    if force_backward:
        for layer in layers:
            layer.needs_backward = True
            layer.bottom_needs_backward = [
                needed or layer.allow_force_backward(i) for i, needed in enumerate(layer.bottom_needs_backward)
            ]


def _forward_sweep(layers: Sequence[LayerFlow], blobs: int) -> None:
    """A blob carries gradient when its maker learns or reads a blob that does."""
    carries = [False] * blobs
    for layer in layers:
        bottom_carries = [carries[blob] for blob in layer.bottoms]
        layer.bottom_needs_backward = list(map(bool, layer.propagate_down)) or bottom_carries
        layer.needs_backward = layer.learns or any(bottom_carries)
        if layer.needs_backward:
            for blob in layer.tops:
                carries[blob] = True


def _backward_sweep(layers: Sequence[LayerFlow], names: Sequence[str]) -> None:
    """Take back what leads to no loss, or only into bottoms that asked for no gradient."""
    under_loss: set[str] = set()
    skipping: set[str] = set()
    for layer in reversed(layers):
        tops = [names[blob] for blob in layer.tops]
        contributes = any(layer.loss_weights) or any(name in under_loss for name in tops)
        if layer.needs_backward and all(name in skipping for name in tops):
            layer.needs_backward = False
            layer.bottom_needs_backward = [False] * len(layer.bottoms)
        if not contributes:
            layer.needs_backward = False
            layer.bottom_needs_backward = [False] * len(layer.bottoms)
        for blob, needed in zip(layer.bottoms, layer.bottom_needs_backward):
            if contributes:
                under_loss.add(names[blob])
            if not needed:
                skipping.add(names[blob])
