"""Training logs of both ages of glog, resumed, broken and foreign."""

from __future__ import annotations

import math

import pytest

from netdef.errors import NetdefError
from netdef.report.log import parse_log, points, read_log

LOG = """I1121 23:59:58.500000 29163 solver.cpp:347] Iteration 0, Testing net (#0)
I1121 23:59:58.600000 29165 data_layer.cpp:73] Restarting data prefetching from start.
I1121 23:59:59.000000 29163 solver.cpp:414]     Test net output #0: accuracy = 0.071
I1121 23:59:59.000100 29163 solver.cpp:414]     Test net output #1: loss = 2.34813 (* 1 = 2.34813 loss)
I1121 23:59:59.500000 29163 solver.cpp:239] Iteration 0 (-1.00893e-43 iter/s, 1.353s/100 iters), loss = 2.32814
I1121 23:59:59.500100 29163 solver.cpp:258]     Train net output #0: loss = 2.32814 (* 1 = 2.32814 loss)
I1121 23:59:59.500200 29163 sgd_solver.cpp:112] Iteration 0, lr = 0.01
I1122 00:00:01.500000 29163 sgd_solver.cpp:50] MultiStep Status: Iteration 50, step = 1
I1122 00:00:02.500000 29163 solver.cpp:228] Iteration 100, loss = 1.5e-05
I1122 00:00:02.500000 29163 sgd_solver.cpp:106] Iteration 100, lr = 1e-05
I1122 00:00:03.500000 29163 solver.cpp:347] Iteration 100, Testing net (#1)
I1122 00:00:03.600000 29163 solver.cpp:414]     Test net output #0: accuracy = 0.5
"""


def test_every_kind_of_line():
    log = parse_log(LOG)
    assert log.loss == {0: 2.32814, 100: 1.5e-05}
    assert log.lr == {0: 0.01, 100: 1e-05}
    assert log.train == {"loss": {0: 2.32814}}
    assert log.test == {(0, "accuracy"): {0: 0.071}, (0, "loss"): {0: 2.34813}, (1, "accuracy"): {100: 0.5}}
    assert log.losses == {"loss"}
    assert log.last_iteration == 100
    assert log.seconds == {0: pytest.approx(1.0002), 100: pytest.approx(5.0)}


def test_a_prefix_with_the_year_and_none_at_all():
    plain = parse_log(LOG)
    dated = parse_log(LOG.replace("I11", "I202611"))
    bare = parse_log("\n".join(line.partition("] ")[2] for line in LOG.splitlines()))
    assert dated == plain
    assert (bare.loss, bare.test, bare.seconds) == (plain.loss, plain.test, {})


def test_the_turn_of_a_year_without_a_year():
    lines = "I1231 23:59:59 1 a:1] Iteration 0, loss = 1\nI0101 00:00:01 1 a:1] Iteration 1, loss = 1\n"
    assert parse_log(lines).seconds == {0: 0.0, 1: 2.0}


def test_a_resume_replaces_what_came_twice():
    lines = "Iteration 0, loss = 3\nIteration 100, loss = 2\nIteration 100, loss = 1\n"
    assert parse_log(lines).loss == {0: 3.0, 100: 1.0}


def test_values_that_are_no_numbers_are_gaps():
    log = parse_log("Iteration 0, loss = nan\nIteration 20, loss = inf\nIteration 10, loss = 1\n")
    iterations, values = points(log.loss)
    assert iterations == [0, 10, 20]
    assert [math.isnan(value) for value in values] == [True, False, True]


def test_an_impossible_date_tells_no_time():
    assert parse_log("I0631 00:00:00 1 a:1] Iteration 0, loss = 1\n").loss == {0: 1.0}


def test_a_real_log(recorded_dir):
    log = read_log(recorded_dir / "lenet" / "caffe_train.log")
    assert log.last_iteration == 1000
    assert len(log.loss) == 11 and len(log.lr) == 10
    assert log.test[0, "accuracy"] == {0: 0.071, 500: 0.9706, 1000: 0.9823}
    assert 20 < log.seconds[1000] < 25


def test_errors(tmp_path):
    with pytest.raises(NetdefError) as error:
        read_log("gone.log")
    assert str(error.value) == 'log "gone.log" cannot be read: No such file or directory. Correct the path.'
    (tmp_path / "no.log").write_text("hello\n")
    with pytest.raises(NetdefError) as error:
        read_log(tmp_path / "no.log")
    assert str(error.value) == (
        f'log "{tmp_path / "no.log"}" has 1 line, none of them like "Iteration 100, loss = 0.25" or '
        '"Test net output #0: accuracy = 0.98". Name the log of a training run.'
    )
