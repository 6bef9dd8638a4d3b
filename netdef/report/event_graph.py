"""A net as the graph that TensorBoard draws.

Source: TensorFlow core/framework/graph.proto, node_def.proto, attr_value.proto, tensor_shape.proto.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from google.protobuf.message import Message

from netdef.report.events import integer, message, text
from prototxt import to_text

_COMMON_FIELDS = {"name", "type", "bottom", "top", "phase", "include", "exclude", "param", "blobs", "propagate_down"}


def graph_def(nodes: Sequence, shapes: Mapping[str, Sequence[int]]) -> bytes:
    """A GraphDef of layers in the order in which they run; each is a node of its name, its type being the operation.

    Parameters
    ----------
    nodes : sequence of GraphNode
        The layers, splits included; a split is passed over, and its readers read what it reads.
    shapes : mapping
        The shape of each blob whose shape is known.
    """
    makers: dict[str, str] = {}
    parts = []
    used: set[str] = set()
    for node in nodes:
        if not node.path:  # a split: the graph has put it in
            makers.update({top: makers[node.bottoms[0]] for top in node.tops})
            continue
        name = _free_name(node.name, used)
        inputs = [text(3, makers[bottom]) for bottom in node.bottoms if bottom in makers]
        attributes = [_attribute("_output_shapes", _shape_list([shapes.get(top, ()) for top in node.tops]))]
        settings = _settings(node.param)
        if settings:
            attributes.append(_attribute("layer", message(2, settings.encode("utf-8"))))
        parts.append(message(1, text(1, name), text(2, node.type), *inputs, *attributes))
        for index, top in enumerate(node.tops):
            makers[top] = name if index == 0 else f"{name}:{index}"
    return b"".join([*parts, message(4, integer(1, 22))])


def _free_name(name: str, used: set[str]) -> str:
    """``name`` as TensorBoard takes it, where another layer has it already with a number behind it."""
    plain = "".join(c if c.isalnum() or c in "._-/" else "_" for c in name) or "layer"
    free, number = plain, 1
    while free in used:
        number += 1
        free = f"{plain}_{number}"
    used.add(free)
    return free


def _attribute(key: str, value: bytes) -> bytes:
    return message(5, text(1, key), message(2, value))


def _shape_list(shapes: Sequence[Sequence[int]]) -> bytes:
    return message(1, *(message(7, *(message(2, integer(1, size)) for size in shape)) for shape in shapes))


def _settings(param: Message) -> str:
    """What the definition says of the layer beyond its name and wiring."""
    own = type(param)()
    own.CopyFrom(param)
    for name in _COMMON_FIELDS:
        own.ClearField(name)
    return to_text(own).strip()
