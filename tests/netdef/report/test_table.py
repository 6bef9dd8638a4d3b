"""Logs of Caffe and of its forks as tables."""

from __future__ import annotations

import math

from netdef.report import table
from netdef.report.log import parse_log
from netdef.report.table import learning_rate, to_csv, train_rows

CAFFE = """\
I1121 08:58:41.000000  9633 solver.cpp:289] Solving logs
I1121 08:58:41.500000  9633 solver.cpp:347] Iteration 0, Testing net (#0)
I1121 08:58:42.000000  9633 solver.cpp:414]     Test net output #0: accuracy = 0.375
I1121 08:58:42.000000  9633 solver.cpp:414]     Test net output #1: loss = 0.834306 (* 1 = 0.834306 loss)
I1121 08:58:42.500000  9633 solver.cpp:239] Iteration 0 (0 iter/s, 0.03s/10 iters), loss = 1.12147
I1121 08:58:42.500000  9633 solver.cpp:258]     Train net output #0: loss = 1.12147 (* 1 = 1.12147 loss)
I1121 08:58:42.500000  9633 sgd_solver.cpp:112] Iteration 0, lr = 0.01
I1121 08:58:43.000000  9633 solver.cpp:239] Iteration 10 (900 iter/s, 0.011s/10 iters), loss = nan
I1121 08:58:43.000000  9633 solver.cpp:258]     Train net output #0: loss = -nan (* 1 = -nan loss)
I1121 08:58:43.000000  9633 sgd_solver.cpp:112] Iteration 10, lr = 0.005
"""

# The wordings of NVIDIA's 0.17 and of Intel's 1.1, several solvers at once
NVIDIA = """\
I0730 14:40:08.911700  3352 solver.cpp:479] Solving AlexNet
I0730 14:40:09.911700  3352 solver.cpp:342] [0.0] Iteration 100 (1.69 iter/s, 59.1s/100 iter), 12.9/90.1ep, loss = 6.9
I0730 14:40:09.911700  3352 solver.cpp:352]     [0.0] Train net output #0: loss = 6.91 (* 1 = 6.91 loss)
I0730 14:40:09.911800  3352 sgd_solver.cpp:180] [0.0] Iteration 100, lr = 0.01, m = 0.9, lrm = 0.1, wd = 0.0005, gs = 1
I0730 14:40:10.911800  3352 solver.cpp:558] Iteration 100, Testing net (#0)
I0730 14:40:11.911800  3352 solver.cpp:643]     Test net output #0: top-1 = 0.125
"""
INTEL = """\
I0606 10:00:00.000000    77 solver.cpp:401] Solving resnet
I0606 10:00:02.000000    77 solver.cpp:313] [0] Iteration 40, loss = 5.5
I0606 10:00:02.000000    77 solver.cpp:333] [0]     Train net output #0: loss3/loss = 5.4 (* 1 = 5.4 loss)
I0606 10:00:02.000000    77 sgd_solver.cpp:152] [0] Iteration 40, lr = 0.1
"""


def test_rows_of_both_kinds():
    log = parse_log(CAFFE)
    assert table.test_rows(log) == [
        {"NumIters": 0.0, "Seconds": 1.5, "LearningRate": 0.01, "accuracy": 0.375, "loss": 0.834306}
    ]
    first, second = train_rows(log)
    assert first == {"NumIters": 0.0, "Seconds": 1.5, "LearningRate": 0.01, "loss": 1.12147}
    assert (second["NumIters"], second["Seconds"], second["LearningRate"]) == (10.0, 2.0, 0.005)
    assert math.isnan(second["loss"])


def test_tables_as_text():
    log = parse_log(CAFFE)
    assert to_csv(train_rows(log)) == (
        "NumIters,Seconds,LearningRate,loss\r\n0.0,1.5,0.01,1.12147\r\n10.0,2.0,0.005,nan\r\n"
    )
    assert to_csv(table.test_rows(log), ";") == (
        "NumIters;Seconds;LearningRate;accuracy;loss\r\n0.0;1.5;0.01;0.375;0.834306\r\n"
    )
    assert to_csv([]) == ""


def test_logs_of_forks():
    nvidia, intel = parse_log(NVIDIA), parse_log(INTEL)
    assert train_rows(nvidia) == [{"NumIters": 100.0, "Seconds": 2.0001, "LearningRate": 0.01, "loss": 6.91}]
    assert table.test_rows(nvidia)[0]["top-1"] == 0.125
    assert train_rows(intel) == [{"NumIters": 40.0, "Seconds": 2.0, "LearningRate": 0.1, "loss3/loss": 5.4}]
    assert (nvidia.loss, intel.loss) == ({100: 6.9}, {40: 5.5})


def test_windows_writes_nan_in_its_own_way():
    log = parse_log("Iteration 5, loss = -nan(ind)\n")
    assert math.isnan(log.loss[5])


def test_several_test_nets():
    log = parse_log(
        "Iteration 2, Testing net (#0)\nTest net output #0: a = 1\n"
        "Iteration 2, Testing net (#1)\nTest net output #0: a = 3\n"
    )
    assert table.test_nets(log) == [0, 1]
    assert [table.test_rows(log, net)[0]["a"] for net in (0, 1)] == [1, 3]


def test_the_rate_between_displays():
    log = parse_log("Iteration 4, lr = 0.5\nIteration 8, lr = 0.25\n")
    assert [learning_rate(log, at) for at in (0, 4, 7, 8, 99)] == [0.5, 0.5, 0.5, 0.25, 0.25]
    assert math.isnan(learning_rate(parse_log(""), 3))
