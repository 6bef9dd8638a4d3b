"""Batches from a database. Source: Caffe src/caffe/layers/data_layer.cpp, base_data_layer.cpp."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from netdef.blob import Blob
from netdef.data.lmdb_source import LmdbSource
from netdef.data.loader import Batch, DatumLoader
from netdef.data.prefetch import Prefetcher
from netdef.data.transformer import DataTransformer
from netdef.errors import DataError, LayerError
from netdef.layer import Layer, between, exactly, register_layer
from netdef.random import Stream
from prototxt import schema


@register_layer("Data")
class DataLayer(Layer):
    """Reads images and labels from an LMDB of Datum records, again from the first after the last.

    Formula: ``data = (pixel - mean) * scale`` on a crop, mirrored or not (`netdef.data.transformer`).

    Top
        0. images ``(batch_size, C, H, W)``, colour in blue, green, red order; the first record of each batch
           decides C, H and W.
        1. labels ``(batch_size,)``, optional.

    Fields
        ``data_param``: source (folder of the LMDB, relative to the working directory), batch_size (images),
        backend (LMDB), rand_skip (records; as many as a random number below it are passed over at the start),
        prefetch (batches in the making or read ahead). ``transform_param``: see `DataTransformer`.

    Raises
        DataError for a database or record that cannot be used; LayerError for fields.

    Differs from Caffe: LevelDB is refused; a record that is damaged or of another shape is an error, never
    skipped; ``rand_skip``, which Caffe's later versions ignore, works; the position is part of the state, so that
    resuming goes on with the next image. The restart at the end of the data is told to ``on_restart``.
    """

    num_bottom, num_top = exactly(0), between(1, 2)
    uses_random = True
    is_data = True

    on_restart: Callable[[], None] | None = None  # called when a batch arrives that begins the data anew
    _loader: DatumLoader | None = None
    _prefetcher: Prefetcher | None = None

    def layer_setup(self, bottom: list[Blob], top: list[Blob]) -> None:
        data_param = self.param.data_param
        if data_param.batch_size == 0:
            self.fail("batch_size is 0 or missing; expected at least 1. Set it.", "data_param.batch_size")
        if data_param.prefetch == 0:
            self.fail("prefetch is 0; expected at least 1. Leave it out for 4.", "data_param.prefetch")
        self._loader = open_loader(self.param, self.phase, self.stream, self.dtype)
        self._record_shape = self._loader.record_shape()
        if data_param.rand_skip:
            self._loader.source.skip(self.stream.integers(data_param.rand_skip))
        self._state = self._loader.state()
        self._restarts = 0

    def reshape(self, bottom: list[Blob], top: list[Blob]) -> None:
        batch_size = self.param.data_param.batch_size
        top[0].reshape(batch_size, *self._record_shape)
        if len(top) > 1:
            top[1].reshape(batch_size)

    def forward(self, bottom: list[Blob], top: list[Blob]) -> None:
        if self._prefetcher is None or not self._prefetcher.alive:
            self._start()
        batch = self._prefetcher.next()
        self._state = batch.state
        if batch.data.shape != top[0].shape:
            self._record_shape = batch.data.shape[1:]
            self.reshape(bottom, top)
        top[0].set_data(batch.data)
        if len(top) > 1:
            top[1].set_data(batch.labels)
        if batch.restarts != self._restarts:
            self._restarts = batch.restarts
            if self.on_restart is not None:
                self.on_restart()

    def backward(self, top: list[Blob], propagate_down: list[bool], bottom: list[Blob]) -> None:
        """Nothing: data have no gradient."""

    def state(self) -> bytes:
        """Where the reader and the random numbers stood after the batch that the net saw last."""
        return self._state

    def restore(self, state: bytes) -> None:
        self._stop()
        self._loader.restore(state)
        self._state = state

    def close(self) -> None:
        self._stop()
        if self._loader is not None:
            self._loader.source.close()
            self._loader = None

    # -- helpers -------------------------------------------------------------------------------------------

    def _start(self) -> None:
        """Begin to read ahead after the batch that the net saw last."""
        if self._prefetcher is not None:  # a forked process has neither the thread nor the right to the database
            self.close()
        if self._loader is None:
            self._loader = open_loader(self.param, self.phase, self.stream, self.dtype)
        self._loader.restore(self._state)
        self._restarts = self._loader.source.restarts
        data_param = self.param.data_param
        batches = [Batch(data_param.batch_size, self.dtype) for _ in range(data_param.prefetch)]
        self._prefetcher = Prefetcher(self._loader.fill, batches)

    def _stop(self) -> None:
        if self._prefetcher is not None:
            self._prefetcher.close()
            self._prefetcher = None


def open_loader(param, phase: int, stream: Stream, dtype=np.float32) -> DatumLoader:
    """The source and the transformer of a Data layer's definition, ready to read.

    Raises DataError or LayerError whose ``field`` says where in the definition the cause is.
    """
    data_param = param.data_param
    if not data_param.source:
        raise LayerError("source is missing; expected the folder of an LMDB. Add source.", "data_param.source")
    if data_param.backend != schema.DataParameter.LMDB:
        is_lmdb = (Path(data_param.source) / "data.mdb").is_file()
        raise LayerError(
            f'backend is LEVELDB, the default, but "{data_param.source}" is an LMDB. Add "backend: LMDB".'
            if is_lmdb
            else "backend is LEVELDB; netdef reads LMDB. Make an LMDB from the same images, name it in source "
            'and set "backend: LMDB".',
            "data_param.backend",
        )
    transformer = DataTransformer(param.transform_param, phase, stream, dtype)
    try:
        return DatumLoader(LmdbSource(data_param.source), transformer)
    except DataError as error:
        error.field = "data_param.source"
        raise
