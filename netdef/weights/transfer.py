"""Copying the weights of a file into a net, layer by layer of the same name.

Source: Caffe src/caffe/net.cpp:672-843 (CopyTrainedLayersFrom), src/caffe/blob.cpp:393-412 (ShapeEquals).
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from netdef.errors import Location, WeightsError
from netdef.weights.caffemodel import LayerWeights, map_caffemodel
from netdef.weights.files import is_hdf5, let_go

if TYPE_CHECKING:
    from netdef.net import Net

PIECE = 1 << 20  # values that are copied at a time, before their part of the file leaves the memory


@dataclass
class Transfer:
    """What `copy_weights` did, as names of layers.

    ``copied`` took their values from the file; ``ignored`` are in the file with values but not in the net;
    ``missing`` are in the net with parameters but not in the file; ``skipped`` did not fit and were left alone.
    """

    copied: list[str] = field(default_factory=list)
    ignored: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)


def read_weights(path: str | os.PathLike[str]) -> list[LayerWeights]:
    """The layers of a weight file, binary or HDF5, to copy from; WeightsError where it is neither.

    Their blobs are views of the file where it has them as they are: no second copy of a large net in memory.
    """
    if is_hdf5(path):
        from netdef.weights import hdf5  # loads h5py, which few runs need

        return hdf5.read_weights(path)
    return map_caffemodel(path)


def copy_weights(
    net: Net,
    source: str | os.PathLike[str] | list[LayerWeights],
    *,
    path: str = "<weights>",
    skip_mismatch: bool = False,
) -> Transfer:
    """Give ``net`` the parameters that ``source`` has for layers of the same name.

    Nothing is copied unless everything fits, except with ``skip_mismatch``, which leaves alone the layers that do
    not. Layers of the file that the net lacks are passed over, as are layers of the net that the file lacks. A
    four-axis shape fits one that equals it up to leading ones, which is how old files store vectors and matrices.

    Parameters
    ----------
    net : netdef.Net
    source : path or list of LayerWeights
        With a list, ``path`` names the file in messages.

    Raises
    ------
    WeightsError
        For a bad file, for blobs whose shape or number differs, all of them at once, and for a file that has
        weights for no layer of the net (Caffe goes on with the fillers' values).
    """
    if isinstance(source, (str, os.PathLike)):
        path = os.fspath(source)
        source = read_weights(source)
    targets: dict = {}
    for step in net.steps:
        if step.node.name not in targets or step.layer.blobs:
            targets[step.node.name] = step
    report, mismatches = _compare(net, targets, source)
    if mismatches and not skip_mismatch:
        raise _mismatch_error(path, mismatches)
    for layer in source:
        if layer.blobs and layer.name in targets and layer.name not in report.skipped:
            _copy(targets[layer.name].layer.blobs, layer.blobs)
            report.copied.append(layer.name)
    if report.missing and source and not (report.copied or report.skipped):
        raise WeightsError(
            f"holds weights for {_listed(report.ignored)}; the layers of this net that take weights are "
            f"{_listed(report.missing)}. It belongs to another net; take the weights of this one.",
            location=Location(path),
        )
    return report


def _listed(names: list[str], most: int = 8) -> str:
    return (", ".join(names[:most]) or "no layer") + (f" and {len(names) - most} more" if len(names) > most else "")


def _compare(net, targets: dict, source: Sequence[LayerWeights]) -> tuple[Transfer, list[str]]:
    """What is to be ignored, skipped and missed, and a line for each blob that does not fit."""
    owned_elsewhere = {(id(p.layer), p.index) for p in net.parameters.all if p.owner is not None}
    report, mismatches = Transfer(), []
    for layer in source:
        step = targets.get(layer.name)
        if step is None:
            report.ignored += [layer.name] if layer.blobs else []
            continue
        found = _mismatches(net, step, layer, owned_elsewhere)
        mismatches += found
        report.skipped += [layer.name] if found else []
    mentioned = {layer.name for layer in source}
    for name, step in targets.items():
        owned = any((id(step.layer), index) not in owned_elsewhere for index in range(len(step.layer.blobs)))
        report.missing += [name] if owned and name not in mentioned else []
    return report, mismatches


def _copy(blobs, arrays: Sequence[np.ndarray | None]) -> None:
    for blob, array in zip(blobs, arrays, strict=True):
        if array is not None:
            blob.forget_filler()
            source, target = array.reshape(-1), blob.data.reshape(-1)
            for first in range(0, target.size, PIECE):
                piece = source[first : first + PIECE]
                target[first : first + PIECE] = piece
                let_go(piece)


def _mismatches(net, step, layer: LayerWeights, owned_elsewhere: set) -> list[str]:
    """One line for each blob of a layer that does not fit."""
    blobs = step.layer.blobs
    place = f"{net.document.location(step.node.path)}: " if step.node.path else ""
    label = f'{place}layer "{step.node.name}" ({step.node.type})'
    arrays = list(layer.blobs)
    arrays += [None] * (len(blobs) - len(arrays))  # HDF5 leaves out the last ones where another layer owns them
    if len(arrays) != len(blobs):
        return [f"{label}: {len(blobs)} blobs here, {len(arrays)} in the file"]
    absent = [i for i, array in enumerate(arrays) if array is None and (id(step.layer), i) not in owned_elsewhere]
    if absent:
        return [f"{label}: {len(blobs)} blobs here, {len(blobs) - len(absent)} in the file"]
    return [
        f"{label}, blob {index}: {blob.shape} here, {array.shape} in the file"
        for index, (blob, array) in enumerate(zip(blobs, arrays, strict=True))
        if array is not None and not same_shape(blob.shape, array.shape)
    ]


def same_shape(here: tuple[int, ...], in_file: tuple[int, ...]) -> bool:
    """Whether a blob of shape ``in_file`` may fill one of shape ``here``."""
    if len(in_file) == 4 and len(here) < 4:
        return (1,) * (4 - len(here)) + tuple(here) == tuple(in_file)
    return tuple(here) == tuple(in_file)


def _mismatch_error(path: str, mismatches: list[str]) -> WeightsError:
    count = len(mismatches)
    lines = "".join(f"\n  {line}" for line in mismatches)
    return WeightsError(
        f"does not fit the net in {count} place{'s' if count > 1 else ''}:{lines}\n"
        "Take the weights of this net, or give these layers other names to learn them from scratch; "
        "netdef train --skip_mismatch passes over them.",
        location=Location(path),
    )
