"""What the layers share that pick rows by number."""

from __future__ import annotations

import numpy as np

from netdef.blob import Blob
from netdef.errors import DataError
from netdef.kernels.rows import read_index
from netdef.layer import Layer
from netdef.layers._axes import bottom_name


def row_numbers(layer: Layer, blob: Blob, bottom_index: int, num_rows: int, what: str) -> np.ndarray:
    """The values of a blob as row numbers, int64; DataError for the first that is none of ``num_rows``."""
    index = layer.scratch("index", blob.count, np.int64)
    bad = read_index(blob.data.reshape(-1), num_rows, index)
    if bad >= 0:
        place = tuple(int(i) for i in np.unravel_index(bad, blob.shape))
        raise DataError(
            f"{bottom_name(layer, bottom_index)} has the value {blob.data[place]:g} at index {place}; "
            f"{what}, so that it must be from 0 to {num_rows - 1}. Correct the value.",
            field=f"bottom[{bottom_index}]",
            layer_name=layer.name,
            layer_type=layer.type,
        )
    return index


def as_rows(array: np.ndarray, rows: int) -> np.ndarray:
    """The array as (rows, whatever an item has)."""
    return array.reshape(rows, array.size // max(rows, 1))
