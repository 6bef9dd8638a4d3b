"""From layers to the boxes and wires of a drawing; no coordinates yet.

Layers in place become lines within the box of the layer whose blob they work on.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from netdef.deploy.flow import Flow, Version
from netdef.graph import GraphNode
from netdef.report.family import key_fields

FAR = 6  # boxes that a wire from a data layer may pass before it is drawn as a reference instead


@dataclass
class Part:
    """What is written for one layer."""

    name: str
    type: str
    fields: list[str]


@dataclass
class LayerBox:
    """A layer with those that work in place on its tops; ``reference`` is the blob that a mere pointer names."""

    main: Part
    inside: list[Part] = field(default_factory=list)
    tops: list[str] = field(default_factory=list)
    reference: str = ""


@dataclass
class Wire:
    """A blob on its way from top ``port`` of a box to another box."""

    tail: int
    port: int
    head: int


@dataclass
class Diagram:
    """Boxes in the order of the layers, and the wires between them."""

    boxes: list[LayerBox]
    wires: list[Wire]
    shapes: Mapping[str, tuple[int, ...]]


def make_diagram(
    nodes: Sequence[GraphNode],
    shapes: Mapping[str, tuple[int, ...]] | None = None,
    parameters: Mapping[str, int] | None = None,
    notes: Mapping[str, str] | None = None,
) -> Diagram:
    """The diagram of one view.

    ``shapes`` are those of the blobs, ``parameters`` the counts of the layers, if known; ``notes`` are words to add to
    layers.
    """
    flow = Flow(nodes)
    shared = _shared_names(nodes)
    diagram = Diagram([], [], shapes or {})
    home: dict[Version, tuple[int, int]] = {}  # the box and port where a version comes out
    for index, node in enumerate(nodes):
        part = Part(node.name, node.type, _fields(node, parameters or {}, shared))
        if notes and node.name in notes:
            part.fields.append(notes[node.name])
        below = flow.bottoms[index]
        if _is_in_place(node) and below[0] in home:
            box, port = home[below[0]]
            diagram.boxes[box].inside.append(part)
            home[index, 0] = (box, port)
            continue
        diagram.boxes.append(LayerBox(part, tops=list(node.tops)))
        box = len(diagram.boxes) - 1
        diagram.wires += [Wire(*home[version], box) for version in below if version in home]
        home.update({(index, port): (box, port) for port in range(len(node.tops))})
    return _cut_far_wires(diagram, {home[i, 0][0] for i in flow.sources() if (i, 0) in home})


def _is_in_place(node: GraphNode) -> bool:
    return len(node.bottoms) == 1 and node.bottoms == node.tops


def _shared_names(nodes: Sequence[GraphNode]) -> set[str]:
    names = Counter(spec.name for node in nodes for spec in node.param.param if spec.name)
    return {name for name, count in names.items() if count > 1}


def _fields(node: GraphNode, parameters: Mapping[str, int], shared: set[str]) -> list[str]:
    words = key_fields(node.param)
    names = [spec.name for spec in node.param.param if spec.name in shared]
    if names:
        words.append(f"shares {', '.join(names)}")
    elif parameters.get(node.name):
        words.append(f"{parameters[node.name]:,} parameters")
    return words


def _cut_far_wires(diagram: Diagram, sources: set[int]) -> Diagram:
    """Wires of second tops of data layers (labels) that run along much of the net end in references instead."""
    depth = [0] * len(diagram.boxes)
    for wire in diagram.wires:
        depth[wire.head] = max(depth[wire.head], depth[wire.tail] + 1)
    is_far = [
        wire.tail in sources and wire.port > 0 and depth[wire.head] - depth[wire.tail] > FAR for wire in diagram.wires
    ]
    if not any(is_far):
        return diagram
    result = Diagram([], [], diagram.shapes)
    moved: dict[int, int] = {}
    for old, box in enumerate(diagram.boxes):
        incoming = [(wire, far) for wire, far in zip(diagram.wires, is_far) if wire.head == old]
        names = [diagram.boxes[wire.tail].tops[wire.port] for wire, far in incoming if far]
        references = []
        for name in names:
            result.boxes.append(LayerBox(Part(name, "", []), tops=[name], reference=name))
            references.append(len(result.boxes) - 1)
        result.boxes.append(box)
        moved[old] = len(result.boxes) - 1
        result.wires += [Wire(moved[wire.tail], wire.port, moved[old]) for wire, far in incoming if not far]
        result.wires += [Wire(reference, 0, moved[old]) for reference in references]
    return result
