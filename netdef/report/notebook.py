"""A net as Jupyter shows it: its picture, and a table of its layers."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from netdef.graph import GraphNode
from netdef.report.connections import owned_values
from netdef.report.draw import draw
from netdef.report.scene import Scene
from netdef.report.summary import Row, Summary, bytes_text, shape_text, summarize
from netdef.report.svg import to_svg
from prototxt import schema

if TYPE_CHECKING:
    from netdef.net import Net

_HEAD = ("layer", "type", "output", "parameters", "multiply-adds", "memory")
_CELL = "padding: 2px 10px; border-bottom: 1px solid #e3e6ea; text-align: "


def net_svg(net: Net) -> str:
    """The picture as SVG text, fit to stand within a page."""
    return to_svg(_scene(net)).split("\n", 1)[1]


def net_html(net: Net) -> str:
    """The picture above the table; neither runs the net nor takes memory for its blobs."""
    svg = net_svg(net).replace("<svg ", '<svg style="max-width: 100%; height: auto" ', 1)
    return f"<div>{svg}{_table(summarize(net))}</div>"


def _scene(net) -> Scene:
    steps = [step for step in net.steps if step.node.path]
    nodes = [GraphNode(_unsplit(net, step.node.param), step.node.path) for step in steps]
    shapes = {name: blob.shape for name, blob in net.blobs.items()}
    counts = owned_values(net)
    words = [f"{schema.Phase.Name(net.phase)} phase", f"{len(nodes)} layers", f"{sum(counts.values()):,} parameters"]
    return draw(nodes, title=net.name or "Net", subtitle=" · ".join(words), shapes=shapes, parameters=counts)


def _unsplit(net, param):
    """The layer with its bottoms as the definition names them, not as the inserted splits do."""
    written = net.graph.written_names
    copy = schema.LayerParameter()
    copy.CopyFrom(param)
    copy.bottom[:] = [written.get(name, name) for name in param.bottom]
    return copy


def _table(summary: Summary) -> str:
    head = _row("th", _HEAD)
    body = "".join(_row("td", _cells(row)) for row in summary.rows)
    memory = summary.total("blob_bytes") + summary.total("parameter_bytes")
    counts = f"{summary.total('parameters'):,}", f"{summary.total('macs'):,}"
    total = _row("th", ("total", "", "", *counts, bytes_text(memory)))
    return f'<table style="border-collapse: collapse">{head}{body}{total}</table>'


def _cells(row: Row) -> tuple[str, ...]:
    shapes = ", ".join(shape_text(shape) for shape in row.output)
    memory = bytes_text(row.blob_bytes + row.parameter_bytes)
    return row.layer, row.type, shapes, f"{row.parameters:,}", f"{row.macs:,}", memory


def _row(tag: str, cells: tuple[str, ...]) -> str:
    sides = ["left"] * 3 + ["right"] * 3
    inner = "".join(f'<{tag} style="{_CELL}{side}">{escape(cell)}</{tag}>' for cell, side in zip(cells, sides))
    return f"<tr>{inner}</tr>"
