"""Log lines have the form of Caffe's, to the character; a bar never gets into them."""

from __future__ import annotations

import io
import re
from datetime import datetime

import pytest

from netdef.errors import SolverError
from solvers.log import Log, number, prefix, quiet, to_stderr
from solvers.progress import ProgressBar

# A line of Caffe 1.0 with glog: severity, month and day, time, thread, source.
LINE = re.compile(r"[IWE]\d{4} \d\d:\d\d:\d\d\.\d{6} +\d+ \w+\.[ch]pp:\d+\] ")


def test_prefix_is_that_of_glog():
    moment = datetime(2026, 11, 21, 4, 48, 29, 100610)
    assert prefix("I", "solver.cpp:239", moment, 29163) == "I1121 04:48:29.100610 29163 solver.cpp:239] "
    assert prefix("W", "net.cpp:759", moment.replace(month=2, day=3, microsecond=7), 42) == (
        "W0203 04:48:29.000007    42 net.cpp:759] "
    )


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.247, "0.247"), (1.0, "1"), (0.01, "0.01"), (0.00978075123, "0.00978075"), (1e-05, "1e-05"),
        (56.14823, "56.1482"), (1234567.0, "1.23457e+06"), (100000.0, "100000"), (0.0001, "0.0001"),
        (float("nan"), "nan"), (float("-inf"), "-inf"), (0, "0"),
    ],
)  # fmt: skip
def test_numbers_are_printed_as_in_c(value, text):
    assert number(value) == text


def test_stream_and_file_get_the_same_lines(tmp_path):
    stream = io.StringIO()
    path = tmp_path / "train.log"
    with Log(stream, path) as log:
        log.info("solver.cpp:289", "Solving LeNet")
        assert path.read_text() == stream.getvalue()  # flushed line by line
        log.warning("net.cpp:759", "careful")
        log.error("solver.cpp:45", "two\nlines")
    lines = stream.getvalue().splitlines()
    assert [LINE.sub("", line) for line in lines] == ["Solving LeNet", "careful", "two", "lines"]
    assert [line[0] for line in lines[:3]] == ["I", "W", "E"]
    assert LINE.match(lines[2]) and not LINE.match(lines[3])
    with Log(None, path) as log:
        log.info("solver.cpp:289", "Solving again")
    assert len(path.read_text().splitlines()) == 5  # appended


def test_quiet_log_writes_nothing(capsys):
    quiet().info("solver.cpp:289", "Solving LeNet")
    assert capsys.readouterr() == ("", "")


def test_standard_error_has_no_bar_unless_it_is_a_terminal(capsys):
    log = to_stderr()
    log.progress(1, 2)
    log.info("solver.cpp:289", "Solving LeNet")
    log.close()
    out, err = capsys.readouterr()
    assert out == ""
    assert LINE.sub("", err) == "Solving LeNet\n"


def test_log_file_that_cannot_be_opened(tmp_path):
    path = tmp_path / "nowhere" / "train.log"
    with pytest.raises(SolverError) as caught:
        Log(None, path)
    assert str(caught.value) == (
        f"{path}: the log cannot be written: No such file or directory. Create the folder or name another file."
    )


# -- the bar ---------------------------------------------------------------------------------------------------


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_bar_is_cleared_before_each_line():
    stream, clock = io.StringIO(), Clock()
    log = Log(stream, bar=ProgressBar(stream, clock))
    log.progress(1, 100)
    log.info("solver.cpp:289", "Solving LeNet")
    drawn, line = stream.getvalue().split("\r\x1b[K")
    assert drawn.startswith("\r")
    assert LINE.sub("", line) == "Solving LeNet\n"


def test_bar_is_drawn_at_most_ten_times_a_second():
    stream, clock = io.StringIO(), Clock()
    bar = ProgressBar(stream, clock)
    for iteration in range(1000):
        clock.now = iteration / 1000
        bar.update(iteration, 1000)
    assert 9 <= stream.getvalue().count("\r") <= 11


def test_bar_shows_share_speed_and_time_left():
    stream, clock = io.StringIO(), Clock()
    bar = ProgressBar(stream, clock)
    bar.update(0, 4000)
    clock.now = 10.0
    bar.update(1000, 4000)
    assert bar.line(1000, 4000, 72) == " 25% |" + "█" * 7 + "▊" + " " * 23 + "| 1000/4000 (100 iter/s, 0:30 left)"
    assert bar.line(1000, 4000, 20) == " 25% 1000/4000 (100 "
    assert bar.line(4000, 4000, 72).startswith("100% |" + "█" * 40 + "| 4000/4000")
    clock.now = 20.0
    bar.update(1001, 4000000)
    assert "22:11:40 left" in bar.line(1001, 4000000, 100)
