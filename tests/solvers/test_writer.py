"""The thread that writes snapshots: one job at a time, nothing swallowed."""

from __future__ import annotations

import threading

import pytest

from netdef.errors import WeightsError
from solvers.writer import BackgroundWriter


def test_jobs_follow_each_other():
    writer, gate, done = BackgroundWriter(), threading.Event(), []

    def first():
        gate.wait(10)
        done.append("first")

    writer.start(first)
    assert writer.busy
    threading.Timer(0.05, gate.set).start()
    writer.start(lambda: done.append("second"))
    assert done[0] == "first"
    writer.finish()
    assert done == ["first", "second"]
    assert not writer.busy


@pytest.mark.parametrize(
    "error", [WeightsError("cannot be written"), OSError(28, "No space left on device"), TypeError()]
)
def test_errors_reach_the_caller_once(error):
    writer = BackgroundWriter()

    def job():
        raise error

    writer.start(job)
    writer.wait()
    with pytest.raises(type(error)) as caught:
        writer.check()
    assert caught.value is error
    writer.finish()


def test_an_error_is_raised_before_the_next_job():
    writer, done = BackgroundWriter(), []
    writer.start(lambda: (_ for _ in ()).throw(WeightsError("cannot be written")))
    with pytest.raises(WeightsError):
        writer.start(lambda: done.append("next"))
    writer.finish()
    assert done == []
