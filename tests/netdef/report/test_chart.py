"""The eight charts of plot_training_log.py."""

from __future__ import annotations

import pytest

pytest.importorskip("matplotlib")

from netdef.errors import NetdefError  # noqa: E402
from netdef.report.chart import CHARTS, plot_chart  # noqa: E402
from netdef.report.log import parse_log  # noqa: E402

LOG = """\
I1121 08:58:41.000000  9633 solver.cpp:289] Solving logs
I1121 08:58:42.000000  9633 solver.cpp:347] Iteration 0, Testing net (#0)
I1121 08:58:42.000000  9633 solver.cpp:414]     Test net output #0: accuracy = 0.375
I1121 08:58:42.000000  9633 solver.cpp:414]     Test net output #1: loss = 0.8 (* 1 = 0.8 loss)
I1121 08:58:43.000000  9633 solver.cpp:239] Iteration 10, loss = 1.5
I1121 08:58:43.000000  9633 sgd_solver.cpp:112] Iteration 10, lr = 0.01
"""
VALUES = [(0, 0.375), (1.0, 0.375), (0, 0.8), (1.0, 0.8), (10, 0.01), (2.0, 0.01), (10, 1.5), (2.0, 1.5)]


@pytest.mark.parametrize("number", range(8))
def test_charts(number):
    figure = plot_chart(CHARTS[number], [parse_log(LOG, "a.log"), parse_log(LOG, "b.log")])
    (axis,) = figure.axes
    assert axis.get_title() == str(CHARTS[number])
    assert [line.get_label() for line in axis.lines] == ["a", "b"]
    for line in axis.lines:
        assert (line.get_xdata()[0], line.get_ydata()[0]) == VALUES[number]


def test_their_order_is_caffes():
    assert [str(chart) for chart in CHARTS][::2] == [
        "Test accuracy vs. Iters",
        "Test loss vs. Iters",
        "Train learning rate vs. Iters",
        "Train loss vs. Iters",
    ]


def test_a_log_without_tests():
    with pytest.raises(NetdefError) as caught:
        plot_chart(CHARTS[0], [parse_log("Iteration 3, loss = 1\n", "a.log")])
    assert str(caught.value) == (
        'log "a.log" has nothing for the chart "Test accuracy vs. Iters". Choose another chart type.'
    )
