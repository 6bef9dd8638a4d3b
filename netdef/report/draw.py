"""A net as a picture: `draw` makes the scene, `save_drawing` writes it as SVG or PNG."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from netdef.errors import UsageError
from netdef.graph import GraphNode
from netdef.report.diagram import Diagram, LayerBox, Part, Wire, make_diagram
from netdef.report.family import OTHER, colors_of
from netdef.report.layout import Layout, lay_out
from netdef.report.scene import Box, Curve, Mark, Point, Scene, Shape, Text, text_width

INK, GRAY, LINE = "#1f2933", "#66717d", "#8a94a0"
NAME_SIZE, TYPE_SIZE, SMALL = 13.0, 11.0, 10.0
TITLE_SIZE = 20.0
MARGIN, PADDING = 28.0, 12.0
PART_HEIGHT = 19.0  # of a layer in place, within its box
STUB = 12.0  # how far a wire runs straight out of its box
ARROW = 6.5
RANK_GAP = 46.0  # pixels between ranks from top to bottom; to the right, the labels decide
DOT = 2.6
LABEL_GAP = 22.0  # between a label and the next wire


def draw(
    nodes: Sequence[GraphNode],
    *,
    title: str = "",
    subtitle: str = "",
    shapes: Mapping[str, tuple[int, ...]] | None = None,
    parameters: Mapping[str, int] | None = None,
    rankdir: str = "TB",
    notes: Mapping[str, str] | None = None,
) -> Scene:
    """The scene of the layers of one view.

    ``shapes`` (by blob), ``parameters`` (counts, by layer) and ``notes`` (words, by layer) are written where they
    are known. ``rankdir`` is "TB", from top to bottom, or "LR", from left to right.
    """
    if rankdir not in ("TB", "LR"):
        raise UsageError(f'rankdir is "{rankdir}"; expected TB or LR.')
    diagram = make_diagram(nodes, shapes, parameters, notes)
    return _Drawing(diagram, is_across=rankdir == "LR").scene(title, subtitle)


@dataclass
class _Size:
    """A box's width and height, and its height without the layers in place."""

    width: float
    height: float
    head: float


class _Drawing:
    """Coordinates and marks of one diagram. The layout's own axes are u, across, and v, along the wires."""

    def __init__(self, diagram: Diagram, is_across: bool) -> None:
        self.diagram = diagram
        self.is_across = is_across
        self.sizes = [measure(box, diagram, is_across) for box in diagram.boxes]
        spans = [(size.height, size.width) if is_across else (size.width, size.height) for size in self.sizes]
        edges = [(wire.tail, wire.head) for wire in diagram.wires]
        self.spans = spans
        self.layout: Layout = lay_out(spans, edges, self._rank_gap())
        self.marks: list[Mark] = []

    def _rank_gap(self) -> float:
        if not self.is_across:
            return RANK_GAP
        labels = [label(self.diagram, box, port) for box in self.diagram.boxes for port in range(len(box.tops))]
        return max([text_width(text, SMALL) for text in labels], default=0.0) + 34.0

    def scene(self, title: str, subtitle: str) -> Scene:
        header = 62.0 if title or subtitle else 0.0
        self.offset = (MARGIN, MARGIN + header)
        extent = self._extent()
        heading = [text_width(title, TITLE_SIZE), text_width(subtitle, TYPE_SIZE)]
        width = max(extent[0], *heading) + 2 * MARGIN
        if not self.is_across:
            self.offset = ((width - extent[0]) / 2, self.offset[1])
        scene = Scene(round(width), round(extent[1] + 2 * MARGIN + header))
        self._draw_wires()
        for box, size, center in zip(self.diagram.boxes, self.sizes, self.layout.centers):
            self._draw_box(box, size, self._point(*center))
        if header:
            scene.marks.append(Text(MARGIN, MARGIN + 10, title, TITLE_SIZE, INK))
            scene.marks.append(Text(MARGIN, MARGIN + 33, subtitle, TYPE_SIZE, GRAY))
        scene.marks += self.marks
        return scene

    def _extent(self) -> Point:
        """The size of the picture, labels and loose ends behind the last boxes included."""
        along = self.layout.height + (self._rank_gap() if self.is_across else STUB + 10)
        across = self.layout.width
        for index, box in enumerate(self.diagram.boxes):
            for port in range(len(box.tops)):
                u, v = self._outlet(index, port)
                across = max(across, u + text_width(label(self.diagram, box, port), SMALL) + 8)
        return (along, self.layout.width) if self.is_across else (across, along)

    def _point(self, u: float, v: float) -> Point:
        x, y = (v, u) if self.is_across else (u, v)
        return x + self.offset[0], y + self.offset[1]

    # -- wires ----------------------------------------------------------------------------------------------

    def _outlet(self, box: int, port: int) -> Point:
        """Where a top leaves its box, in the layout's axes."""
        u, v = self.layout.centers[box]
        width, height = self.spans[box]
        count = len(self.diagram.boxes[box].tops)
        if self.is_across or count == 1:
            return u + width * ((port + 1) / (count + 1) - 0.5), v + height / 2
        rooms = label_rooms(self.diagram, self.diagram.boxes[box])
        return u - sum(rooms) / 2 + sum(rooms[:port]) + LABEL_GAP / 2, v + height / 2

    def _inlets(self) -> dict[int, Point]:
        """Where each wire enters its box: side by side, in the order of where they come from."""
        places: dict[int, Point] = {}
        for head in range(len(self.diagram.boxes)):
            incoming = [i for i, wire in enumerate(self.diagram.wires) if wire.head == head]
            incoming.sort(key=lambda i: self._last_bend(i)[0])
            u, v = self.layout.centers[head]
            width, height = self.spans[head]
            step = min(20.0, width / (len(incoming) + 1))
            for place, wire in enumerate(incoming):
                places[wire] = (u + step * (place - (len(incoming) - 1) / 2), v - height / 2)
        return places

    def _last_bend(self, wire: int) -> Point:
        bends = self.layout.bends[wire]
        return bends[-1] if bends else self._outlet(self.diagram.wires[wire].tail, self.diagram.wires[wire].port)

    def _draw_wires(self) -> None:
        inlets = self._inlets()
        heads = []
        for index, wire in enumerate(self.diagram.wires):
            end = inlets[index]
            points = self._route(index, wire, (end[0], end[1] - ARROW))
            self.marks.append(Curve(tuple(self._point(*point) for point in points), LINE))
            heads.append(self._arrow(end))
        self.marks += heads
        for index, box in enumerate(self.diagram.boxes):
            for port in range(len(box.tops)):
                self._draw_outlet(index, port)

    def _route(self, index: int, wire: Wire, end: Point) -> list[Point]:
        """Straight out, straight through every rank that is passed, smooth between."""
        ranks = self.layout.rank_of
        u, v = self._outlet(wire.tail, wire.port)
        points = [(u, v)]
        leave = self.layout.rank_bottoms[ranks[wire.tail]] + (STUB if not self.is_across else self._rank_gap() - 30)
        _straight(points, (u, leave))
        for rank, (bend, _) in enumerate(self.layout.bends[index], ranks[wire.tail] + 1):
            _smooth(points, (bend, self.layout.rank_tops[rank]))
            _straight(points, (bend, self.layout.rank_bottoms[rank]))
        _smooth(points, (end[0], self.layout.rank_tops[ranks[wire.head]] - ARROW))
        _straight(points, end)
        return points

    def _arrow(self, end: Point) -> Shape:
        u, v = end
        half = ARROW * 0.55
        corners = ((u, v), (u - half, v - ARROW - 1), (u + half, v - ARROW - 1))
        return Shape(tuple(self._point(*corner) for corner in corners), LINE)

    def _draw_outlet(self, index: int, port: int) -> None:
        """The blob's shape beside its wire, or a loose end where nothing reads it."""
        box = self.diagram.boxes[index]
        if box.reference:
            return
        u, v = self._outlet(index, port)
        if not any(wire.tail == index and wire.port == port for wire in self.diagram.wires):
            end = self._point(u, v + STUB)
            self.marks.append(Curve((self._point(u, v), self._point(u, v), end, end), LINE))
            self.marks.append(Box(end[0] - DOT, end[1] - DOT, 2 * DOT, 2 * DOT, DOT, LINE))
        text = label(self.diagram, box, port)
        if text:
            x, y = self._point(u, v)
            place = (x + 6, y - 8) if self.is_across else (x + 6, y + 9)
            self.marks.append(Text(*place, text, SMALL, GRAY, halo="#ffffff"))

    # -- boxes ----------------------------------------------------------------------------------------------

    def _draw_box(self, box: LayerBox, size: _Size, center: Point) -> None:
        left, top = center[0] - size.width / 2, center[1] - size.height / 2
        if box.reference:
            self.marks.append(Box(left, top, size.width, size.height, size.height / 2, OTHER.fill, OTHER.border))
            self.marks.append(Text(center[0], center[1], box.reference, TYPE_SIZE, OTHER.ink, "middle"))
            return
        colors = colors_of(box.main.type)
        self.marks.append(Box(left, top, size.width, size.height, 7, colors.fill, colors.border, 1.2))
        self.marks.append(Text(center[0], top + 17, box.main.name, NAME_SIZE, INK, "middle"))
        for line, (text, ink) in enumerate(_lines(box, colors.ink)):
            self.marks.append(Text(center[0], top + 34.5 + 14 * line, text, TYPE_SIZE, ink, "middle"))
        for place, part in enumerate(box.inside):
            y = top + size.head + PART_HEIGHT * place
            tint = colors_of(part.type)
            self.marks.append(Box(left + 6, y, size.width - 12, PART_HEIGHT - 3, 4, tint.fill, tint.border, 0.8))
            self.marks.append(Text(center[0], y + PART_HEIGHT / 2 - 1.5, part_text(part), SMALL, tint.ink, "middle"))


def _straight(points: list[Point], to: Point) -> None:
    points += [points[-1], to, to]


def _smooth(points: list[Point], to: Point) -> None:
    u, v = points[-1]
    middle = (v + to[1]) / 2
    points += [(u, middle), (to[0], middle), to]


def _lines(box: LayerBox, ink: str) -> list[tuple[str, str]]:
    """What stands below the name: the type, then the key fields."""
    fields = box.main.fields
    lines = [(box.main.type, ink)]
    if fields and (fields[-1].endswith(" parameters") or fields[-1].startswith("shares ")):
        fields, last = fields[:-1], fields[-1:]
    else:
        last = []
    return lines + [(text, GRAY) for text in [", ".join(fields), *last] if text]


def part_text(part: Part) -> str:
    """A layer in place on one line, without the count of its parameters: ``relu1 · ReLU``."""
    words = [field for field in part.fields if not field.endswith(" parameters")]
    return " · ".join([part.name, part.type, *words])


def label(diagram: Diagram, box: LayerBox, port: int) -> str:
    """What is written at a top: its name unless it is the layer's, and its shape where that is known."""
    name = box.tops[port]
    shape = diagram.shapes.get(name)
    size = "" if shape is None else " x ".join(map(str, shape)) if shape else "scalar"
    shown = name if name != box.main.name or len(box.tops) > 1 else ""
    return "  ".join(word for word in (shown, size) if word)


def label_rooms(diagram: Diagram, box: LayerBox) -> list[float]:
    """The width that each top takes with its label to the right of it, below its box."""
    return [text_width(label(diagram, box, port), SMALL) + LABEL_GAP for port in range(len(box.tops))]


def measure(box: LayerBox, diagram: Diagram, is_across: bool) -> _Size:
    """The room that a box needs for its text and, where wires leave below, for the labels of its tops."""
    if box.reference:
        return _Size(text_width(box.reference, TYPE_SIZE) + 22, 22.0, 22.0)
    lines = _lines(box, "")
    width = max([text_width(box.main.name, NAME_SIZE), *(text_width(text, TYPE_SIZE) for text, _ in lines)])
    width = max([width, *(text_width(part_text(part), SMALL) + 4 for part in box.inside)]) + 2 * PADDING
    rooms = label_rooms(diagram, box)
    if not is_across:
        width = max(width, sum(rooms))
    head = 31.0 + 14 * len(lines)
    height = head + PART_HEIGHT * len(box.inside) + (3 if box.inside else 0)
    return _Size(max(width, 76.0), max(height, 20.0 * (len(box.tops) + 1) if is_across else 0), head)
