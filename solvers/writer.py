"""Writes snapshots on a thread of its own, so that training waits for the copying alone."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable


class BackgroundWriter:
    """Runs one job at a time behind the caller's back; what goes wrong is raised in the caller's thread.

    The thread is not a daemon: a program that ends by itself finishes the file first.
    """

    def __init__(self) -> None:
        self._thread: threading.Thread | None = None
        self._error: Exception | None = None

    def start(self, job: Callable[[], None]) -> None:
        """Run ``job`` when the one before it is done. Raises what that one has met."""
        self.finish()
        self._thread = threading.Thread(target=self._run, args=(job,), name="netdef snapshot", daemon=False)
        self._thread.start()

    @property
    def busy(self) -> bool:
        """Whether a job is being done."""
        return self._thread is not None and self._thread.is_alive()

    def check(self) -> None:
        """Raise what the job has met, if it is done by now."""
        if (self._thread is not None or self._error is not None) and not self.busy:
            self.finish()

    def wait(self) -> None:
        """Wait for the job; what it has met is kept for `finish`."""
        if self._thread is not None:
            self._thread.join()
            self._thread = None

    def finish(self) -> None:
        """Wait for the job and raise what it has met."""
        self.wait()
        error, self._error = self._error, None
        if error is not None:
            raise error

    def _run(self, job: Callable[[], None]) -> None:
        if sys.platform == "linux":  # where a thread has a priority of its own: the training goes first
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), 10)
        try:
            job()
        except Exception as error:  # whatever it is, the caller has to know that a file is missing
            self._error = error
