"""The mean image of a database. Source: Caffe tools/compute_image_mean.cpp."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from netdef.data.datum import decode_datum
from netdef.errors import DataError

if TYPE_CHECKING:
    from netdef.data.level_source import LevelSource
    from netdef.data.lmdb_source import LmdbSource


def mean_of(source: LmdbSource | LevelSource, tell: Callable[[int], None] = lambda count: None) -> np.ndarray:
    """The mean image of all records of a database, float32 ``(C, H, W)``.

    ``tell`` is called with the number of records so far, every 10000 and at the end. Sums are float64 here; Caffe's
    are float32, which is the same up to 65793 images of bytes.

    Raises: DataError where a record is damaged or of another size than the first.
    """
    total, count = None, 0
    while count < source.entries:
        for record in source.read(min(1000, source.entries - count)):
            image = _decoded(source, record, count)
            if total is None:
                total = np.zeros(image.shape)
            if image.shape != total.shape:
                raise DataError(
                    f'record "{source.key_of(count)}" of {source.kind} "{source.path}" has shape {image.shape}; the '
                    f"first one has {total.shape}. Make the database with images of one size."
                )
            total += image
            count += 1
            if count % 10000 == 0 or count == source.entries:
                tell(count)
    return (total / count).astype(np.float32)


def _decoded(source, record, index: int) -> np.ndarray:
    try:
        return decode_datum(record)[0]
    except DataError as error:
        error.message = f'record "{source.key_of(index)}" of {source.kind} "{source.path}" {error.message}'
        raise
