"""A net built for its shapes alone: no data source is opened, no blob takes memory."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from netdef.deploy.inputs import InputShapes
from netdef.graph import GraphNode, filter_layers
from prototxt import Document, schema

if TYPE_CHECKING:
    from netdef.net import Net

OUTSIDE = frozenset({"Data", "HDF5Data", "ImageData", "WindowData"})  # what reads files


def shape_net(
    document: Document,
    phase: int,
    *,
    level: int = 0,
    stages: Sequence[str] = (),
    batch: int | None = None,
    shape: Sequence[int] | Mapping[str, Sequence[int]] | None = None,
) -> Net:
    """A `netdef.net.Net` of one phase, with Input layers in the place of those that read files.

    ``shape`` is as for `netdef.deploy.derive`; the batch is the data layer's own unless ``batch`` is given.

    Raises: LayerError where the shape of the data is not known; NetError as `Net` does.
    """
    from netdef.net import Net

    return Net(
        without_files(document, phase, level=level, stages=stages, batch=batch, shape=shape), phase, level, stages
    )


def without_files(
    document: Document,
    phase: int,
    *,
    level: int = 0,
    stages: Sequence[str] = (),
    batch: int | None = None,
    shape: Sequence[int] | Mapping[str, Sequence[int]] | None = None,
) -> Document:
    """A copy of the document whose message has Input layers for the data layers of a phase that read files."""
    result = copy.copy(document)
    result.message = schema.NetParameter()
    result.message.CopyFrom(document.message)
    state = schema.NetState()
    state.CopyFrom(document.message.state)
    state.phase, state.level = phase, level
    state.stage.extend(stages)
    nodes, _ = filter_layers(document.message.layer, state, document)
    readers = [node for node in nodes if node.type in OUTSIDE]
    shapes = InputShapes(document, None, shape)
    if readers:
        shapes.check_names([top for node in readers for top in node.tops[: _data_tops(node)]])
    else:
        _change_inputs(result.message, InputShapes(document, batch, shape))
    for node in readers:
        _stand_in(result.message.layer[int(node.path[6:-1])], node, shapes, batch)
    return result


def _change_inputs(message, shapes: InputShapes) -> None:
    inputs = [layer for layer in message.layer if layer.type == "Input"]
    shapes.check_names([top for layer in inputs for top in layer.top])
    for layer in inputs:
        shapes.change(layer)


def _data_tops(node: GraphNode) -> int:
    return len(node.tops) if node.type == "HDF5Data" else 1


def _stand_in(layer, node: GraphNode, shapes: InputShapes, batch: int | None) -> None:
    """Make an Input of a data layer, in its place, with its tops and rules."""
    options = {"Data": "data_param", "HDF5Data": "hdf5_data_param", "ImageData": "image_data_param",
               "WindowData": "window_data_param"}[node.type]  # fmt: skip
    first = batch or getattr(node.param, options).batch_size or 1
    layer.type = "Input"
    layer.ClearField(options)
    for top in range(len(node.tops)):
        is_label = top >= _data_tops(node)
        sizes = () if is_label else shapes.shape(node, top, [])[1:]
        layer.input_param.shape.add().dim.extend((first, *sizes))
