"""Panels, lines and labels of a plot."""

from __future__ import annotations

import builtins

import pytest

from netdef.errors import NetdefError, UsageError
from netdef.report.log import parse_log
from netdef.report.plot import MISSING, plot_logs, save_plot, short_names

TEXT = """I1121 10:00:00 1 a:1] Iteration 0, Testing net (#0)
I1121 10:00:01 1 a:1] Test net output #0: accuracy = 0.25
I1121 10:00:01 1 a:1] Test net output #1: loss = 2 (* 1 = 2 loss)
I1121 10:00:02 1 a:1] Iteration 0, loss = 2.5
I1121 10:00:02 1 a:1] Iteration 0, lr = 0.1
I1121 10:00:12 1 a:1] Iteration 40, loss = 1.5
I1121 10:00:12 1 a:1] Iteration 40, lr = 0.001
"""


@pytest.fixture
def matplotlib():
    return pytest.importorskip("matplotlib", reason="matplotlib is not installed")


def labels(axis) -> list[str]:
    return [line.get_label() for line in axis.lines]


def test_three_panels(matplotlib):
    figure = plot_logs([parse_log(TEXT, "runs/lenet.log")], logarithmic=True)
    loss, accuracy, rate = figure.axes
    assert labels(loss) == ["training", "test loss"]
    assert labels(accuracy) == ["test accuracy, 0.25 at the end"]
    assert accuracy.get_ylabel() == "accuracy"
    assert (loss.get_yscale(), rate.get_yscale()) == ("log", "log")
    assert list(loss.lines[0].get_xdata()) == [0, 40]
    assert figure.get_suptitle() == "lenet"


def test_several_logs_have_names_and_colours(matplotlib):
    figure = plot_logs([parse_log(TEXT, "a.log"), parse_log(TEXT, "b.log")], title="both")
    assert labels(figure.axes[0]) == ["a: training", "a: test loss", "b: training", "b: test loss"]
    colors = [line.get_color() for line in figure.axes[0].lines]
    assert colors[0] == colors[1] != colors[2] == colors[3]


def test_a_panel_without_anything_is_left_out(matplotlib):
    assert len(plot_logs([parse_log("Iteration 0, loss = 1\n", "a.log")]).axes) == 1


def test_seconds(matplotlib):
    figure = plot_logs([parse_log(TEXT, "a.log")], against="seconds")
    assert list(figure.axes[0].lines[0].get_xdata()) == [2.0, 12.0]
    with pytest.raises(NetdefError) as error:
        plot_logs([parse_log("Iteration 0, loss = 1\n", "a.log")], against="seconds")
    assert str(error.value) == 'log "a.log" has no times in front of its lines. Plot against iterations.'
    with pytest.raises(UsageError) as error:
        plot_logs([], against="hours")
    assert str(error.value) == 'against is "hours"; expected iteration or seconds.'


def test_files(matplotlib, tmp_path):
    figure = plot_logs([parse_log(TEXT, "a.log")])
    save_plot(figure, str(tmp_path / "a.png"))
    save_plot(figure, str(tmp_path / "a.svg"))
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")
    assert b"<svg" in (tmp_path / "a.svg").read_bytes()


def test_names_that_would_be_the_same():
    assert short_names(["a/run.log", "b/run.log"]) == ["a/run.log", "b/run.log"]


def test_without_matplotlib(monkeypatch):
    real = builtins.__import__

    def refuse(name, *rest):
        if name.startswith("matplotlib"):
            raise ImportError(name)
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", refuse)
    with pytest.raises(NetdefError) as error:
        plot_logs([parse_log(TEXT, "a.log")])
    assert str(error.value) == MISSING
