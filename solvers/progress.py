"""A progress bar of one line on a terminal."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from typing import TextIO

_INTERVAL = 0.1  # seconds between two drawings
_CLEAR = "\r\x1b[K"
_PARTS = " ▏▎▍▌▋▊▉█"


class ProgressBar:
    """Shows how much of a run is done, how fast it goes and how long it will take.

    ``update`` draws at most ten times a second, so that it may be called every iteration.
    """

    def __init__(self, stream: TextIO, clock: Callable[[], float] = time.monotonic) -> None:
        self._stream = stream
        self._clock = clock
        self._drawn = False
        self._drawn_at = -_INTERVAL
        self._marks: list[tuple[float, int]] = []  # (time, done) of the last seconds, for the speed

    def update(self, done: int, total: int) -> None:
        """Report that ``done`` of ``total`` iterations are done."""
        now = self._clock()
        if now - self._drawn_at < _INTERVAL:
            return
        self._drawn_at = now
        self._marks = [mark for mark in self._marks if now - mark[0] < 30 and mark[1] <= done][-300:] + [(now, done)]
        columns = shutil.get_terminal_size().columns
        self._stream.write("\r" + self.line(done, total, columns - 1) + "\x1b[K")
        self._stream.flush()
        self._drawn = True

    def clear(self) -> None:
        """Take the bar off the terminal."""
        if self._drawn:
            self._stream.write(_CLEAR)
            self._stream.flush()
            self._drawn = False
            self._drawn_at = -_INTERVAL

    def line(self, done: int, total: int, width: int) -> str:
        """The bar as text of at most ``width`` columns."""
        share = min(max(done / total, 0.0), 1.0) if total > 0 else 1.0
        start, first = self._marks[0] if self._marks else (0.0, done)
        elapsed = self._marks[-1][0] - start if self._marks else 0.0
        speed = (done - first) / elapsed if elapsed > 0 else 0.0
        left = f", {_duration((total - done) / speed)} left" if speed > 0 and total > done else ""
        head, tail = f"{share:4.0%} ", f" {done}/{total} ({speed:.3g} iter/s{left})"
        room = width - len(head) - len(tail) - 2
        if room < 4:
            return (head + tail.lstrip())[: max(width, 0)]
        return f"{head}|{_blocks(share, min(room, 40))}|{tail}"


def _blocks(share: float, width: int) -> str:
    eighths = int(share * width * 8)
    whole, part = divmod(eighths, 8)
    if whole == width:
        return _PARTS[8] * width
    return (_PARTS[8] * whole + _PARTS[part]).ljust(width)


def _duration(seconds: float) -> str:
    """``1:02:03`` or ``2:03``."""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"
