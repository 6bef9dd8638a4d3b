"""Signals become requests, and Python's own handlers come back."""

from __future__ import annotations

import os
import signal
import threading

import pytest

from solvers.signals import Action, SignalHandler


def send(number: int) -> None:
    os.kill(os.getpid(), number)


def test_signals_are_noted():
    with SignalHandler() as handler:
        assert handler.requested() is Action.NONE
        send(signal.SIGINT)
        send(signal.SIGHUP)
        assert [handler.requested() for _ in range(3)] == [Action.SNAPSHOT, Action.STOP, Action.NONE]


def test_effects_can_be_chosen():
    with SignalHandler(sigint=Action.SNAPSHOT, sighup=Action.NONE) as handler:
        send(signal.SIGHUP)
        send(signal.SIGINT)
        assert [handler.requested() for _ in range(3)] == [Action.NONE, Action.SNAPSHOT, Action.NONE]


def test_second_interrupt_is_not_held_back():
    with SignalHandler() as handler:
        send(signal.SIGINT)
        with pytest.raises(KeyboardInterrupt):
            send(signal.SIGINT)
        assert handler.requested() is Action.STOP


def test_handlers_come_back():
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGHUP)
    with SignalHandler():
        assert signal.getsignal(signal.SIGINT) != before[0]
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGHUP)) == before


def test_outside_the_main_thread_nothing_is_handled():
    seen = []

    def run():
        with SignalHandler() as handler:
            seen.append((handler.requested(), signal.getsignal(signal.SIGINT)))

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert seen == [(Action.NONE, signal.getsignal(signal.SIGINT))]
