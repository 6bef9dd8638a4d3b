"""Reading the table that says which filters of a Convolution read which channels. netdef's own."""

from __future__ import annotations

import numpy as np

from netdef.layer import Layer
from netdef.layers._axes import bottom_name

FIELD = "convolution_param.connection_table"


def connection_table(layer: Layer) -> np.ndarray | None:
    """int8 ``(num_output, channels)``, 1 where a filter reads a channel, out of ``connection_table``; None without.

    ``layer`` has read its fields, channels, num_output and group before. LayerError for a table that does not fit.
    """
    rows = list(layer.fields.connection_table)
    if not rows:
        return None
    if not layer.takes_connections:
        layer.fail("connection_table is for Convolution alone. Take it away.", FIELD)
    if layer.group != 1:
        layer.fail(
            f"has both group {layer.group} and connection_table; only one may say which channels a filter reads. "
            "Take one away.",
            FIELD,
        )
    if len(rows) != layer.channels:
        layer.fail(
            f"connection_table has {len(rows)} rows but {bottom_name(layer, 0)} has {layer.channels} channels; there "
            "must be one row for each channel. Add or take away rows.",
            FIELD,
        )
    for index, row in enumerate(rows):
        _check_row(layer, row, index)
    table = np.array([[letter == "X" for letter in row] for row in rows], np.int8).T
    for index, filter_row in enumerate(table):
        if not filter_row.any():
            layer.fail(
                f"output {index} of connection_table reads no channel; each must read at least one. Put an X into "
                f"column {index + 1}.",
                FIELD,
            )
    return np.ascontiguousarray(table)


def _check_row(layer: Layer, row: str, index: int) -> None:
    field = f"{FIELD}[{index}]"
    if len(row) != layer.num_output:
        layer.fail(
            f"row {index} of connection_table has {len(row)} letters but num_output is {layer.num_output}; there must "
            "be one for each output. Correct the row.",
            field,
        )
    wrong = [letter for letter in row if letter not in "X."]
    if wrong:
        layer.fail(
            f'row {index} of connection_table has "{wrong[0]}"; expected X where the output reads the channel and . '
            "where not. Correct the row.",
            field,
        )
