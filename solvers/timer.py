"""How fast iterations pass, for the log."""

from __future__ import annotations

import time
from collections.abc import Callable


class Timer:
    """Measures the iterations between two log lines."""

    def __init__(self, clock: Callable[[], float] = time.perf_counter) -> None:
        self._clock = clock
        self.start(0)

    def start(self, iteration: int) -> None:
        """Begin to measure at ``iteration``."""
        self._begun = self._clock()
        self._iteration = iteration

    def lap(self, iteration: int) -> tuple[float, float]:
        """Iterations a second and seconds, rounded to milliseconds, since the last call; measures anew from here."""
        seconds = self._clock() - self._begun
        speed = (iteration - self._iteration) / seconds if seconds > 0 else 0.0
        self.start(iteration)
        return speed, round(seconds, 3)
