"""What a net costs, layer by layer: shapes, parameters, connections, multiply-accumulates, memory."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import asdict, dataclass, field
from math import prod
from typing import TYPE_CHECKING

from netdef.report.connections import count_connections
from netdef.report.macs import count_macs
from prototxt import schema

if TYPE_CHECKING:
    from netdef.net import Net

NUMBERS = ("parameters", "connections", "macs", "blob_bytes", "parameter_bytes")
NO_COPY = frozenset({"Flatten", "Reshape", "Split"})  # their tops are their bottoms' memory


@dataclass
class Row:
    """One layer.

    ``output`` has the shapes of the tops; ``parameters`` counts the values that the layer owns (a shared blob
    belongs to the first layer that has it, and what a connection_table leaves out is none); ``connections`` are those
    of one item (`netdef.report.connections`); ``macs`` are multiply-accumulates of a forward pass; ``blob_bytes`` is
    the memory of the tops' data (0 in place, and where a top is its bottom's memory), ``parameter_bytes`` that of
    the parameters. Training doubles both for the diffs, and the solver keeps one more copy of the parameters.
    """

    layer: str
    type: str
    output: list[list[int]]
    parameters: int
    connections: int
    macs: int
    blob_bytes: int
    parameter_bytes: int


@dataclass
class Summary:
    """The rows and their sums."""

    name: str
    phase: str
    rows: list[Row] = field(default_factory=list)

    def total(self, what: str) -> int:
        return sum(getattr(row, what) for row in self.rows)


def summarize(net: Net, *, types: dict[str, str] | None = None) -> Summary:
    """The summary of a `netdef.net.Net`; no blob is touched, so a net of any size will do.

    ``types`` replaces the types of layers by name: those of data layers that an Input stands for. Splits, which the
    net has put in, are left out.
    """
    summary = Summary(net.name, schema.Phase.Name(net.phase))
    counted: set[int] = set()
    owners = {id(blob) for blob in net.learnable_params}
    for step in net.steps:
        if step.node.type == "Split":
            continue
        blobs = enumerate(step.layer.blobs)
        owned = {index: blob for index, blob in blobs if id(blob) in owners - counted}
        counted.update(id(blob) for blob in owned.values())
        summary.rows.append(_row(step, owned, (types or {}).get(step.node.name, step.node.type)))
    return summary


def _row(step, owned, shown_type: str) -> Row:
    bottoms = [tuple(blob.shape) for blob in step.bottom]
    tops = [tuple(blob.shape) for blob in step.top]
    item = step.layer.dtype.itemsize
    below = {id(blob) for blob in step.bottom}
    fresh = [] if step.node.type in NO_COPY else [blob for blob in step.top if id(blob) not in below]
    parameters = sum(prod(blob.shape) for blob in owned.values())
    unused = sum(step.layer.unused_count(index) for index in owned)
    return Row(
        step.node.name,
        shown_type,
        [list(top) for top in tops],
        parameters - unused,
        count_connections(step.layer, bottoms, tops),
        count_macs(step.node.param, bottoms, tops, [tuple(blob.shape) for blob in step.layer.blobs]),
        item * sum(prod(blob.shape) for blob in fresh),
        item * parameters,
    )


# -- as text ---------------------------------------------------------------------------------------------------


def to_table(summary: Summary) -> str:
    """Aligned columns, with a line of totals and the memory in plain words."""
    head = ("layer", "type", "output", "parameters", "connections", "multiply-adds", "memory")
    lines = [
        (row.layer, row.type, ", ".join(shape_text(shape) for shape in row.output), f"{row.parameters:,}",
         f"{row.connections:,}", f"{row.macs:,}", bytes_text(row.blob_bytes + row.parameter_bytes))
        for row in summary.rows
    ]  # fmt: skip
    memory = summary.total("blob_bytes") + summary.total("parameter_bytes")
    sums = [f"{summary.total(what):,}" for what in ("parameters", "connections", "macs")]
    total = ("total", "", "", *sums, bytes_text(memory))
    widths = [max(len(line[i]) for line in (head, *lines, total)) for i in range(len(head))]
    rule = "-" * (sum(widths) + 2 * (len(widths) - 1))
    body = [_align(line, widths) for line in lines]
    title = f"{summary.name or 'net'}, {summary.phase} phase"
    return (
        "\n".join([title, "", _align(head, widths), rule, *body, rule, _align(total, widths), "", _words(summary)])
        + "\n"
    )


def _align(cells: tuple[str, ...], widths: list[int]) -> str:
    """Words to the left, numbers to the right."""
    words = [cell.ljust(width) for cell, width in zip(cells[:3], widths[:3])]
    numbers = [cell.rjust(width) for cell, width in zip(cells[3:], widths[3:])]
    return "  ".join(words + numbers).rstrip()


def _words(summary: Summary) -> str:
    blobs, parameters = summary.total("blob_bytes"), summary.total("parameter_bytes")
    return (
        f"Memory: blobs {bytes_text(blobs)}, parameters {bytes_text(parameters)}; "
        f"with the diffs and the momentum of training {bytes_text(2 * blobs + 3 * parameters)}."
    )


def shape_text(shape: list[int]) -> str:
    return "x".join(map(str, shape)) or "scalar"


def bytes_text(count: int) -> str:
    """``431 KiB``, ``1.2 MiB``: three digits at most before the unit changes."""
    if count < 1024:
        return f"{count} B"
    size, units = count / 1024, ["KiB", "MiB", "GiB", "TiB"]
    while size >= 999.5 and len(units) > 1:
        size /= 1024
        units.pop(0)
    return f"{size:.1f} {units[0]}" if size < 99.95 else f"{size:.0f} {units[0]}"


def to_json(summary: Summary) -> str:
    totals = {what: summary.total(what) for what in NUMBERS}
    content = {
        "name": summary.name,
        "phase": summary.phase,
        "layers": [asdict(row) for row in summary.rows],
        "total": totals,
    }
    return json.dumps(content, indent=2) + "\n"


def to_csv(summary: Summary) -> str:
    """One line for each layer, shapes as ``64x20x24x24`` joined by spaces."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(["layer", "type", "output", *NUMBERS])
    for row in summary.rows:
        shapes = " ".join(shape_text(shape) for shape in row.output)
        writer.writerow([row.layer, row.type, shapes, *(getattr(row, what) for what in NUMBERS)])
    return buffer.getvalue()
