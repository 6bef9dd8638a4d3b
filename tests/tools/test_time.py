"""The lines of ``netdef time``."""

from __future__ import annotations

import re

from tests.tools.nets import SELF_FED, log_messages

TIME = re.compile(r"\d[\d.e+-]* ms\.")


def test_every_layer_forward_and_backward(run, tmp_path):
    (tmp_path / "net.prototxt").write_text(SELF_FED)
    result = run("time", "-model", "net.prototxt", "-iterations", 2)
    assert (result.status, result.out) == (0, "")
    layers = [f"{name:>10}\t{way}: T" for name in ("data", "scale", "loss") for way in ("forward", "backward")]
    assert [TIME.sub("T", line) for line in log_messages(result.err)] == [
        "Use CPU.",
        "Performing Forward",
        "Initial loss: 2",
        "Performing Backward",
        "*** Benchmark begins ***",
        "Testing for 2 iterations.",
        "Iteration: 1 forward-backward time: T",
        "Iteration: 2 forward-backward time: T",
        "Average time per layer: ",
        *layers,
        "Average Forward pass: T",
        "Average Backward pass: T",
        "Average Forward-Backward: T",
        "Total Time: T",
        "*** Benchmark ends ***",
    ]


def test_the_phase_chooses_the_layers(run, tmp_path):
    text = SELF_FED.replace('name: "scale"', 'name: "scale" include { phase: TEST }').replace('"scaled" b', '"data" b')
    (tmp_path / "net.prototxt").write_text(text)
    err = run("time", "--model", "net.prototxt", "--iterations", 1, "--phase", "TRAIN").err
    assert "forward" in err and "scale" not in err
    assert "     scale\tforward" in run("time", "--model", "net.prototxt", "--iterations", 1, "--phase", "TEST").err
