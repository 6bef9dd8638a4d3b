"""Batches from a database. Source: Caffe src/caffe/layers/data_layer.cpp, base_data_layer.cpp."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import DTypeLike

from netdef.blob import Blob
from netdef.data.level_source import LevelSource
from netdef.data.lmdb_source import LmdbSource
from netdef.data.loader import DatumLoader
from netdef.data.shuffled_source import ShuffledSource
from netdef.data.transformer import DataTransformer
from netdef.errors import DataError, LayerError
from netdef.layer import between, exactly, register_layer
from netdef.layers._prefetching import PrefetchingLayer
from netdef.random import Stream
from prototxt import schema


@register_layer("Data")
class DataLayer(PrefetchingLayer):
    """Reads images and labels from a database of Datum records, again from the first after the last.

    Formula: ``data = (pixel - mean) * scale`` on a crop, mirrored or not (`netdef.data.transformer`).

    Top
        0. images ``(batch_size, C, H, W)``, colour in blue, green, red order; the first record of each batch
           decides C, H and W.
        1. labels ``(batch_size,)``, optional.

    Fields
        ``data_param``: source (folder of the database, relative to the working directory), batch_size (images),
        backend (LMDB, or LEVELDB, which needs the package plyvel), rand_skip (records; as many as a random number
        below it are passed over at the start), prefetch (batches in the making or read ahead), shuffle (of forks:
        another order in each epoch).
        ``transform_param``: see `DataTransformer`.

    Raises
        DataError for a database or record that cannot be used; LayerError for fields.

    Differs from Caffe: a LevelDB is left as it is, so that several nets may read it; a record that is damaged or
    of another shape is an error, never skipped; ``rand_skip``, which Caffe's later versions ignore, works; the
    position is part of the state, so that resuming goes on with the next image.
    """

    num_bottom, num_top = exactly(0), between(1, 2)

    def open_loader(self) -> DatumLoader:
        return open_loader(self.param, self.phase, self.stream, self.dtype)

    def layer_setup(self, bottom: list[Blob], top: list[Blob]) -> None:
        self.check_batch_size("data_param")
        super().layer_setup(bottom, top)

    def skip_some(self) -> None:
        if self.param.data_param.rand_skip:
            self._loader.source.skip(self.stream.integers(self.param.data_param.rand_skip))


def open_loader(
    param: schema.LayerParameter,
    phase: int,
    stream: Stream,
    dtype: DTypeLike = np.float32,
    loader: type[DatumLoader] = DatumLoader,
) -> DatumLoader:
    """The source and the transformer of a Data layer's definition, ready to read.

    Raises DataError or LayerError whose ``field`` says where in the definition the cause is.
    """
    data_param = param.data_param
    if not data_param.source:
        raise LayerError("source is missing; expected the folder of a database. Add source.", "data_param.source")
    open_source = LmdbSource if data_param.backend == schema.DataParameter.LMDB else _open_level
    transformer = DataTransformer(param.transform_param, phase, stream, dtype)
    try:
        source = open_source(data_param.source)
        if data_param.shuffle:
            source = ShuffledSource(source, stream)
        return loader(source, transformer, data_param.batch_size)
    except DataError as error:
        error.field = "data_param.source"
        raise


def _open_level(source: str) -> LevelSource:
    """The LevelDB in the folder ``source``."""
    folder = Path(source)
    if (folder / "data.mdb").is_file() and not (folder / "CURRENT").exists():
        raise LayerError(
            f'backend is LEVELDB, the default, but "{source}" is an LMDB. Add "backend: LMDB".', "data_param.backend"
        )
    return LevelSource(folder)
