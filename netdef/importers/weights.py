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
Answer = Callable[[list[np.ndarray]], Sequence[np.ndarray]]  # what a source says to one batch for each input


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


def compare(net: Net, answer: Answer, path: str) -> list[Comparison]:
    """Hold the net's outputs against what ``answer`` says to the same random inputs; one comparison for each answer.

    Inputs go in the net's order; an answer belongs to the output that is most like it. Where an output is a Softmax,
    what it reads is tried too: other programs often leave it to the loss. Raises WeightsError where the numbers of
    outputs or their shapes differ, and where values differ by more than `GREATEST_DIFFERENCE`.
    """
    random = np.random.Generator(np.random.Philox(key=CHECK_SEED))
    batches = []
    for name in net.inputs:
        shape = (CHECK_ITEMS, *net.blobs[name].shape[1:])
        batches.append(random.normal(size=shape).astype(np.float32))
        net.blobs[name].reshape(*shape)
    answers = [np.asarray(each, np.float32) for each in answer(batches)]
    if len(answers) != len(net.outputs):
        names = ", ".join(f'"{name}"' for name in net.outputs)
        raise WeightsError(
            f"answers with {len(answers)} blobs; the net has {len(net.outputs)} ({names}). Correct the net, or leave "
            "the check away.",
            location=Location(path),
        )
    net.reshape()
    for name, batch in zip(net.inputs, batches, strict=True):
        net.blobs[name].data[...] = batch
    net.forward()
    outputs, comparisons = list(net.outputs), []
    for expected in answers:
        comparison, output = _nearest(net, outputs, expected, path)
        outputs.remove(output)
        comparisons.append(comparison)
    return comparisons


def _nearest(net: Net, outputs: list[str], expected: np.ndarray, path: str) -> tuple[Comparison, str]:
    """The comparison of an answer with that of ``outputs`` which is most like it, and this output."""
    tried = [(name, output) for output in outputs for name in _candidates(net, output)]
    found = [(_difference(net, name, expected), output) for name, output in tried]
    fitting = [(comparison, output) for comparison, output in found if comparison is not None]
    if not fitting:
        shapes = ", ".join(f'"{name}" has {net.blobs[name].shape}' for name, _ in tried)
        raise WeightsError(f"answers with shape {expected.shape}; {shapes}. Correct the net.", location=Location(path))
    best, output = min(fitting, key=lambda pair: pair[0].difference)
    if not best.difference <= GREATEST_DIFFERENCE * max(1.0, best.greatest):
        raise WeightsError(
            f'answers otherwise than the net: values up to {best.greatest:.4g}, "{best.blob}" differs by up to '
            f"{best.difference:.4g}; expected at most {GREATEST_DIFFERENCE:g} of them. Compare padding, pooling, "
            "activations and the order of layers; nothing was written.",
            location=Location(path),
        )
    return best, output


def _candidates(net: Net, output: str) -> list[str]:
    maker = [step for step in net.steps if output in step.node.tops][-1]
    return [output, *(maker.node.bottoms if maker.node.type == "Softmax" else ())]


def _difference(net: Net, name: str, expected: np.ndarray) -> Comparison | None:
    data = net.blobs[name].data
    if data.size != expected.size or len(data) != len(expected):
        return None
    difference = np.abs(data.reshape(expected.shape) - expected)
    return Comparison(float(difference.max()), float(np.abs(expected).max()), name)
