"""The training log: glog's text, line for line as Caffe writes it, so that its log parsers read it.

    I1121 04:48:29.100610 29163 solver.cpp:239] Iteration 100 (57.8 iter/s, 1.73s/100 iters), loss = 0.247

Severity, month and day, time, thread, then Caffe's own source file and line, which parsers and people look for.
"""

from __future__ import annotations

import os
import sys
import threading
from datetime import datetime
from typing import TYPE_CHECKING, TextIO

from netdef.errors import Location, SolverError

if TYPE_CHECKING:
    from solvers.progress import ProgressBar


def number(value: float) -> str:
    """A number as C++ prints it by default: six significant digits (``0.247``, ``1e-05``, ``8086808``)."""
    return f"{float(value):g}"


class Log:
    """Writes log lines to a stream and, where given, to a file, which is appended to and flushed line by line.

    Parameters
    ----------
    stream : text stream, optional
        Usually ``sys.stderr``; None writes no line there.
    path : path, optional
        The log file. SolverError where it cannot be opened.
    bar : ProgressBar, optional
        Taken off the terminal before each line and drawn again by the next progress report.
    """

    def __init__(
        self, stream: TextIO | None = None, path: str | os.PathLike[str] | None = None, bar: ProgressBar | None = None
    ) -> None:
        self.stream = stream
        self.bar = bar
        self._file: TextIO | None = None
        self._lock = threading.Lock()
        if path is not None:
            self._file = _open(path)

    def info(self, source: str, message: str) -> None:
        """Write ``message`` as a line of ``source``, such as ``"solver.cpp:239"``; later lines stay bare."""
        self._write("I", source, message)

    def warning(self, source: str, message: str) -> None:
        """`info` with the severity of a warning."""
        self._write("W", source, message)

    def error(self, source: str, message: str) -> None:
        """`info` with the severity of an error."""
        self._write("E", source, message)

    def progress(self, done: int, total: int) -> None:
        """Show on the bar, where there is one, how far the run has come."""
        if self.bar is not None:
            self.bar.update(done, total)

    def close(self) -> None:
        """Take the bar away and close the file."""
        if self.bar is not None:
            self.bar.clear()
        if self._file is not None:
            self._file.close()
            self._file = None

    def __enter__(self) -> Log:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def _write(self, severity: str, source: str, message: str) -> None:
        if self.stream is None and self._file is None:
            return
        line = f"{prefix(severity, source)}{message}\n"
        with self._lock:
            if self.bar is not None:
                self.bar.clear()
            for target in (self.stream, self._file):
                if target is not None:
                    target.write(line)
                    target.flush()


def prefix(severity: str, source: str, now: datetime | None = None, thread: int | None = None) -> str:
    """``I1121 04:48:29.100610 29163 solver.cpp:239] ``; the thread is right-aligned in five columns."""
    now = now or datetime.now()
    thread = threading.get_native_id() if thread is None else thread
    return f"{severity}{now:%m%d %H:%M:%S.%f} {thread:5d} {source}] "


def quiet() -> Log:
    """A log that writes nothing."""
    return Log()


def to_stderr(path: str | os.PathLike[str] | None = None) -> Log:
    """A log on standard error, with a progress bar where that is a terminal, and in the file ``path``."""
    from solvers.progress import ProgressBar  # a log into a file alone needs no bar

    bar = ProgressBar(sys.stderr) if sys.stderr.isatty() else None
    return Log(sys.stderr, path, bar)


def _open(path) -> TextIO:
    try:
        return open(path, "a", encoding="utf-8")
    except OSError as error:
        raise SolverError(
            f"the log cannot be written: {error.strerror or error}. Create the folder or name another file.",
            location=Location(str(path)),
        ) from error
