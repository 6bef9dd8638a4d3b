"""What data layers share that read ahead in a thread. Source: Caffe src/caffe/layers/base_data_layer.cpp."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import numpy as np

from netdef.blob import Blob
from netdef.data.prefetch import Prefetcher
from netdef.layer import Layer

# Bytes of a batch that is copied. The layers that follow then find it where the last one was, and a net can repeat
# its calls of kernels; with more there is so much to compute that this does not matter, and copying does.
COPIED = 1 << 22


class TopBatch(Protocol):
    """Arrays for the tops, and where the reader stood after them."""

    tops: list[np.ndarray]
    state: bytes
    restarts: int


class Loader(Protocol):
    """What fills the batches, on the thread that reads ahead."""

    restarts: int  # how often the data began anew

    def shapes(self) -> list[tuple[int, ...]]:
        """Shapes of the tops, the batch first, as the first record has them."""

    def new_batch(self) -> TopBatch:
        """A batch for `fill`."""

    def fill(self, batch: TopBatch) -> None:
        """Read the next records into ``batch``."""

    def state(self) -> bytes:
        """Position and random counter."""

    def restore(self, state: bytes) -> None:
        """Go on from a `state`."""

    def close(self) -> None:
        """Let go of files."""


class PrefetchingLayer(Layer):
    """The base of the data layers that read ahead: `open_loader` is theirs, the rest is here.

    The state of the layer is where the reader and the random numbers stood after the batch that the net saw last,
    so that resuming goes on with the next one. The restart at the end of the data is told to ``on_restart``.
    """

    uses_random = True
    is_data = True

    on_restart: Callable[[], None] | None = None  # called when a batch arrives that begins the data anew
    _loader: Loader | None = None
    _prefetcher: Prefetcher | None = None

    def open_loader(self) -> Loader:
        """The reader of what the definition names, at the beginning of the data."""

    def skip_some(self) -> None:
        """Move the new reader to where the first batch begins."""

    def layer_setup(self, bottom: list[Blob], top: list[Blob]) -> None:
        if self.param.data_param.prefetch == 0:  # other types than Data take it from there too
            self.fail("prefetch is 0; expected at least 1. Leave it out for 4.", "data_param.prefetch")
        self._loader = self.open_loader()
        self._shapes = self._loader.shapes()
        self.skip_some()
        self._state = self._loader.state()
        self._restarts = 0

    def check_batch_size(self, message: str) -> None:
        """LayerError where the fields of ``message`` ask for no item at all."""
        if getattr(self.param, message).batch_size == 0:
            self.fail("batch_size is 0 or missing; expected at least 1. Set it.", f"{message}.batch_size")

    def reshape(self, bottom: list[Blob], top: list[Blob]) -> None:
        for blob, shape in zip(top, self._shapes):
            blob.reshape(shape)

    def forward(self, bottom: list[Blob], top: list[Blob]) -> None:
        if self._prefetcher is None or not self._prefetcher.alive:
            self._start()
        batch = self._prefetcher.next()
        self._state = batch.state
        self._shapes = [array.shape for array in batch.tops]
        for blob, array in zip(top, batch.tops):
            blob.reshape(array.shape)
            if array.nbytes <= COPIED:
                blob.copy_data(array)
            else:
                blob.set_data(array)
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
        if self._loader is None:
            self._loader = self.open_loader()
        self._loader.restore(state)
        self._state = state

    def close(self) -> None:
        self._stop()
        if self._loader is not None:
            self._loader.close()
            self._loader = None

    def _start(self) -> None:
        """Begin to read ahead after the batch that the net saw last."""
        if self._prefetcher is not None:  # a forked process has neither the thread nor the right to the files
            self.close()
        if self._loader is None:
            self._loader = self.open_loader()
        self._loader.restore(self._state)
        self._restarts = self._loader.restarts
        batches = [self._loader.new_batch() for _ in range(self.param.data_param.prefetch)]
        self._prefetcher = Prefetcher(self._loader.fill, batches)

    def _stop(self) -> None:
        if self._prefetcher is not None:
            self._prefetcher.close()
            self._prefetcher = None
