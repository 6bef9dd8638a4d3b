"""Ctrl-C and a closed terminal as requests to a solver, which it answers between two iterations.

Source: Caffe src/caffe/util/signal_handler.cpp, tools/caffe.cpp:149-163.
"""

from __future__ import annotations

import signal
import threading
from enum import Enum


class Action(Enum):
    """What a solver is asked to do: nothing, to write a snapshot, or to write one and stop."""

    NONE = "none"
    SNAPSHOT = "snapshot"
    STOP = "stop"


class SignalHandler:
    """While it is entered, SIGINT and SIGHUP are noted instead of ending the process.

    `requested` is what a solver's ``action_function`` wants. A second SIGINT before the first is answered
    interrupts at once. Outside the main thread, where Python allows no handlers, it does nothing.
    """

    def __init__(self, sigint: Action = Action.STOP, sighup: Action = Action.SNAPSHOT) -> None:
        self._actions = {signal.SIGINT: sigint}
        if hasattr(signal, "SIGHUP"):
            self._actions[signal.SIGHUP] = sighup
        self._pending: set[int] = set()
        self._before: dict[int, object] = {}

    def requested(self) -> Action:
        """The action of a signal that came since the last call, SIGHUP's first."""
        for number in sorted(self._pending):  # SIGHUP is 1, SIGINT is 2
            self._pending.discard(number)
            return self._actions[number]
        return Action.NONE

    def __enter__(self) -> SignalHandler:
        if threading.current_thread() is threading.main_thread():
            for number in self._actions:
                self._before[number] = signal.signal(number, self._note)
        return self

    def __exit__(self, *exception: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        self._before.clear()

    def _note(self, number: int, frame) -> None:
        if number == signal.SIGINT and number in self._pending:
            raise KeyboardInterrupt
        self._pending.add(number)
