"""``netdef plot`` as users meet it."""

from __future__ import annotations

import pytest

LOG = "Iteration 0, loss = 2\nIteration 0, lr = 0.1\nIteration 10, loss = 1\nIteration 10, lr = 0.05\n"


@pytest.fixture
def logs(tmp_path):
    pytest.importorskip("matplotlib", reason="matplotlib is not installed")
    for name in ("a.log", "b.log"):
        (tmp_path / name).write_text(LOG)


def test_a_png_named_after_the_log(run, logs, tmp_path):
    result = run("plot", "a.log")
    assert (result.status, result.out, result.err) == (0, "a.png\n", "")
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")


def test_two_logs_in_two_formats(run, logs, tmp_path):
    result = run("plot", "a.log", "b.log", "-o", "x.svg", "-o", "x.png", "--title", "Both", "--log_scale")
    assert (result.status, result.out, result.err) == (0, "x.svg\nx.png\n", "")
    assert (tmp_path / "x.svg").exists()


@pytest.mark.parametrize(
    ("words", "status", "message"),
    [
        (["gone.log"], 1, 'log "gone.log" cannot be read: No such file or directory. Correct the path.\n'),
        (["a.log", "-o", "a.jpg"], 2, '"a.jpg" does not end in .png or .svg, which says what to write. Name it so.\n'),
        (["a.log", "--x", "seconds"], 1, 'log "a.log" has no times in front of its lines. Plot against iterations.\n'),
        (["--x", "hours", "a.log"], 2,
         'netdef plot: --x is "hours"; expected iteration or seconds. See "netdef help plot".\n'),
    ],
)  # fmt: skip
def test_errors(run, logs, words, status, message):
    result = run("plot", *words)
    assert (result.status, result.out, result.err) == (status, "", message)
