"""Reading ahead: a background thread fills batches while the net works on the last one.

Source: Caffe src/caffe/layers/base_data_layer.cpp:63-118.
"""

from __future__ import annotations

import os
import threading
import weakref
from collections.abc import Callable, Sequence
from queue import SimpleQueue
from typing import Generic, TypeVar

Batch = TypeVar("Batch")


class Prefetcher(Generic[Batch]):
    """Calls ``fill(batch)`` in a thread of its own and hands the batches out in order.

    Parameters
    ----------
    fill : callable
        Fills one batch. It must hold no reference to the prefetcher or its owner, and enter no parallel kernel.
    batches : sequence
        The batches that go round; one is out with the consumer, the others are read ahead.

    The thread ends with `close`, when the prefetcher is collected, or when the interpreter ends. An error in
    ``fill`` is raised by the `next` call that would have returned its batch, and by every later one.
    """

    def __init__(self, fill: Callable[[Batch], None], batches: Sequence[Batch]) -> None:
        self._free: SimpleQueue = SimpleQueue()
        self._full: SimpleQueue = SimpleQueue()
        self._current: Batch | None = None
        self._error: Exception | None = None
        self._process = os.getpid()
        for batch in batches:
            self._free.put(batch)
        stop = threading.Event()
        thread = threading.Thread(
            target=_read_ahead, args=(fill, self._free, self._full, stop), name="netdef-prefetch", daemon=True
        )
        self._finish = weakref.finalize(self, _shut_down, thread, self._free, stop)
        thread.start()

    @property
    def alive(self) -> bool:
        """Whether `next` can be called: not closed, and not a copy in a forked process, which has no thread."""
        return self._finish.alive and self._process == os.getpid()

    def next(self) -> Batch:
        """The next batch; the one before it goes back to be filled again."""
        if self._error is not None:
            raise self._error
        if self._current is not None:
            self._free.put(self._current)
            self._current = None
        batch, self._error = self._full.get()
        if self._error is not None:
            raise self._error
        self._current = batch
        return batch

    def close(self) -> None:
        """Stop the thread and wait for it. May be called twice."""
        self._finish()


def _read_ahead(fill, free: SimpleQueue, full: SimpleQueue, stop: threading.Event) -> None:
    while (batch := free.get()) is not None and not stop.is_set():
        try:
            fill(batch)
        except Exception as error:  # whatever it is, the consumer must raise it, or it would wait for ever
            full.put((None, error))
            return
        full.put((batch, None))


def _shut_down(thread: threading.Thread, free: SimpleQueue, stop: threading.Event) -> None:
    stop.set()
    free.put(None)
    if thread is not threading.current_thread():  # the collector may run in the thread itself
        thread.join()
