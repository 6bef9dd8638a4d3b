"""Trained values of another program put into a net, all or none, and held against that program's answers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from netdef.errors import Location, WeightsError
from netdef.importers.matching import Match, match_in_order
from netdef.importers.name_map import match_by_map
from netdef.importers.source import Unit
from netdef.importers.targets import find_targets
from netdef.net import Net

CHECK_SEED = 1701
CHECK_ITEMS = 2
GREATEST_DIFFERENCE = 1e-3  # as a share of the greatest value, or of 1


def import_weights(net: Net, units: Sequence[Unit], path: str, map_file: str | None = None) -> Match:
    """Fill all parameters of ``net`` from a source. Raises WeightsError, which lists every mismatch, before any."""
    targets = find_targets(net)
    match = match_by_map(net, units, targets, map_file) if map_file else match_in_order(net, units, targets)
    if match.mismatches:
        lines = "".join(f"\n  {line}" for line in match.mismatches)
        count = len(match.mismatches)
        advice = "Correct the map" if map_file else "Correct the net, or say with --map which values go where"
        raise WeightsError(
            f"does not fit the net; {count} {'mismatch' if count == 1 else 'mismatches'}:{lines}\n{advice}.",
            location=Location(path),
        )
    for slot, array, _ in match.placed:
        net.params[slot.step.node.name][slot.index].data[...] = array
    return match


@dataclass(frozen=True)
class Comparison:
    """The greatest difference between two answers, the greatest value of the source's, and the blob compared."""

    difference: float
    greatest: float
    blob: str


def compare(net: Net, answer: Callable[[np.ndarray], np.ndarray], path: str) -> Comparison:
    """Hold the net's output against what ``answer`` says to the same random input.

    Where the output is a Softmax, what it reads is tried too: other programs often leave it to the loss. Raises
    WeightsError where shapes differ, and where values differ by more than `GREATEST_DIFFERENCE`.
    """
    if len(net.inputs) != 1 or len(net.outputs) != 1:
        raise WeightsError(
            f"cannot be compared: the net has {len(net.inputs)} inputs and {len(net.outputs)} outputs; expected one of "
            "each. Leave the check away.",
            location=Location(path),
        )
    shape = (CHECK_ITEMS, *net.blobs[net.inputs[0]].shape[1:])
    batch = np.random.Generator(np.random.Philox(key=CHECK_SEED)).normal(size=shape).astype(np.float32)
    expected = np.asarray(answer(batch), np.float32)
    net.blobs[net.inputs[0]].reshape(*shape)
    net.reshape()
    net.blobs[net.inputs[0]].data[...] = batch
    net.forward()
    found = [_difference(net, name, expected) for name in _candidates(net)]
    fitting = [comparison for comparison in found if comparison is not None]
    if not fitting:
        shapes = ", ".join(f'"{name}" has {net.blobs[name].shape}' for name in _candidates(net))
        raise WeightsError(f"answers with shape {expected.shape}; {shapes}. Correct the net.", location=Location(path))
    best = min(fitting, key=lambda comparison: comparison.difference)
    if not best.difference <= GREATEST_DIFFERENCE * max(1.0, best.greatest):
        raise WeightsError(
            f'answers otherwise than the net: values up to {best.greatest:.4g}, "{best.blob}" differs by up to '
            f"{best.difference:.4g}; expected at most {GREATEST_DIFFERENCE:g} of them. Compare padding, pooling, "
            "activations and the order of layers; nothing was written.",
            location=Location(path),
        )
    return best


def _candidates(net: Net) -> list[str]:
    (output,) = net.outputs
    maker = [step for step in net.steps if output in step.node.tops][-1]
    return [output, *(maker.node.bottoms if maker.node.type == "Softmax" else ())]


def _difference(net: Net, name: str, expected: np.ndarray) -> Comparison | None:
    data = net.blobs[name].data
    if data.size != expected.size or len(data) != len(expected):
        return None
    difference = np.abs(data.reshape(expected.shape) - expected)
    return Comparison(float(difference.max()), float(np.abs(expected).max()), name)
