"""Each thing that can be wrong with a solver definition is told in a sentence, at its place in the text."""

from __future__ import annotations

import pytest

from netdef.errors import NetdefError, SolverError
from prototxt import parse_solver
from solvers import get_solver
from solvers.check import Checker
from solvers.nets import train_source

GOOD = 'net: "net.prototxt"\nbase_lr: 0.01\nlr_policy: "fixed"\n'
POLICIES = "cosine, exp, fixed, inv, multistep, poly, sigmoid, step"


def complaint(text: str) -> str:
    """The sentence about a definition, less the source line and the caret below it."""
    with pytest.raises(SolverError) as caught:
        Checker(parse_solver(text, "s.prototxt")).check()
    return caught.value.sentence()


def test_good_definitions_pass():
    for text in (
        "",
        "momentum: 0.9 weight_decay: 0.0005 clip_gradients: 35 iter_size: 2",
        "test_iter: 100 test_interval: 500",
        "test_interval: 500",  # Caffe tests nothing then
        'test_iter: 1 test_iter: 2 test_interval: 5 test_net: "t" test_state { stage: "a" } test_state { }',
    ):
        Checker(parse_solver(GOOD + text)).check()


def test_every_public_recipe_passes(zoo_dir):
    found = 0
    for path in sorted(zoo_dir.rglob("*solver*.prototxt")):
        text = path.read_text(encoding="utf-8")
        if "net:" in text and "base_lr" in text:
            Checker(parse_solver(text, str(path))).check()
            found += 1
    assert found > 20


@pytest.mark.parametrize(
    ("line", "place", "sentence"),
    [
        ("momentum: 1", "4:1", "momentum is 1; expected at least 0 and less than 1. Change it."),
        ("momentum: -0.5", "4:1", "momentum is -0.5; expected at least 0 and less than 1. Change it."),
        ("momentum2: 1", "4:1", "momentum2 is 1; expected at least 0 and less than 1. Change it."),
        ("rms_decay: 1", "4:1", "rms_decay is 1; expected at least 0 and less than 1. Change it."),
        ("weight_decay: -1", "4:1", "weight_decay is -1; expected 0 or more. Change it."),
        ("weight_decay: nan", "4:1", "weight_decay is nan; expected 0 or more. Change it."),
        ("delta: -1", "4:1", "delta is -1; expected 0 or more. Change it."),
        ("gamma: -1", "4:1", "gamma is -1; expected 0 or more. Change it."),
        ("max_iter: -1", "4:1", "max_iter is -1; expected 0 or more iterations. Change it."),
        ("display: -1", "4:1", "display is -1; expected 0 (never) or more iterations. Change it."),
        ("snapshot: -1", "4:1", "snapshot is -1; expected 0 (never) or more iterations. Change it."),
        ("test_interval: -1", "4:1", "test_interval is -1; expected 0 (never) or more iterations. Change it."),
        ("warmup_iter: -1", "4:1", "warmup_iter is -1; expected 0 (no warm-up) or more iterations. Change it."),
        ("warmup_start: 2", "4:1", "warmup_start is 2; expected a share of the learning rate, 0 to 1. Change it."),
        ("warmup_power: -1", "4:1", "warmup_power is -1; expected 0 or more. Change it."),
        ("min_lr: 1", "4:1", 'min_lr is for lr_policy "cosine"; this is "fixed". Take min_lr away.'),
        ("keep_newest: -1", "4:1", "keep_newest is -1; expected 0 (all) or more snapshots. Change it."),
        ("early_stopping: -1", "4:1", "early_stopping is -1; expected 0 (never) or more tests. Change it."),
        ("iter_size: 0", "4:1", "iter_size is 0; expected at least 1 batch an iteration. Change it."),
        ("average_loss: 0", "4:1", "average_loss is 0; expected at least 1 iteration. Change it."),
        (
            'train_net: "t"', "4:1",
            "gives the train net 2 times (net, train_net); expected one. Keep one.",
        ),
        (
            'test_net: "t"', "4:1",
            "found 0 test_iter; expected one for each test net, at least 1. Add 1.",
        ),
        ("test_iter: 0 test_interval: 1", "4:1", "test_iter is 0; expected at least 1 batch. Change it."),
        (
            "test_iter: 5", "4:1",
            "found test_iter without test_interval; a test net needs both. "
            "Add test_interval, the iterations between two tests, or take test_iter away.",
        ),
        (
            "test_iter: 1 test_interval: 1 test_state {} test_state {}", "4:31",
            "found 2 test_state for 1 test nets; expected one for each or none.",
        ),
        (
            'regularization_type: "l2"', "4:1",
            'unknown regularization_type "l2". Did you mean "L2"? Known: L1, L2.',
        ),
        (
            "clip_gradients: nan", "4:1",
            "clip_gradients is nan; expected a largest norm, or a negative number for none. Change it.",
        ),
        (
            "display: -2147483648", "4:1",
            "display is -2147483648; expected 0 (never) or more iterations. Change it.",
        ),
    ],
)  # fmt: skip
def test_wrong_field(line, place, sentence):
    assert complaint(GOOD + line) == f"s.prototxt:{place}: {sentence}"


@pytest.mark.parametrize(
    ("lines", "place", "sentence"),
    [
        ('lr_policy: "fixd"', "2:1", f'unknown lr_policy "fixd". Did you mean "fixed"? Known: {POLICIES}.'),
        ('lr_policy: "step" gamma: 1', "2:1", 'lr_policy "step" needs stepsize, which is missing. Add stepsize.'),
        ('lr_policy: "step" stepsize: 1', "2:1", 'lr_policy "step" needs gamma, which is missing. Add gamma.'),
        ('lr_policy: "inv" gamma: 1', "2:1", 'lr_policy "inv" needs power, which is missing. Add power.'),
        (
            'lr_policy: "multistep" gamma: 1', "2:1",
            'lr_policy "multistep" needs stepvalue, which is missing. Add stepvalue.',
        ),
        ('lr_policy: "poly" power: 1', "2:1", 'lr_policy "poly" needs max_iter, which is missing. Add max_iter.'),
        (
            'lr_policy: "poly" power: 1\nmax_iter: 0', "3:1",
            'max_iter is 0; lr_policy "poly" needs at least 1. Change it.',
        ),
        (
            'lr_policy: "poly" max_iter: 9\npower: -1', "3:1",
            'power is -1; lr_policy "poly" expects 0 or more. Change it.',
        ),
        ('lr_policy: "step" gamma: 1\nstepsize: 0', "3:1", "stepsize is 0; expected at least 1 iteration. Change it."),
        (
            'lr_policy: "multistep" gamma: 1\nstepvalue: 5\nstepvalue: 5', "4:1",
            "stepvalue 5 follows 5; expected increasing iterations of 0 or more. Sort them.",
        ),
        (
            'lr_policy: "multistep" gamma: 1 stepvalue: 5\nstep_gamma: [0.1, 0.2]', "3:14",
            "found 2 step_gamma for 1 stepvalue; expected one for each.",
        ),
        (
            'lr_policy: "multistep" gamma: 1 stepvalue: 5\nstep_gamma: -1', "3:1",
            "step_gamma is -1; expected 0 or more. Change it.",
        ),
        (
            'lr_policy: "fixed"\nstep_gamma: 0.1', "3:1",
            'step_gamma is for lr_policy "multistep"; this is "fixed". Take it away.',
        ),
    ],
)  # fmt: skip
def test_wrong_lr_policy(lines, place, sentence):
    assert complaint('net: "n" base_lr: 1\n' + lines) == f"s.prototxt:{place}: {sentence}"


def test_what_is_missing():
    assert complaint("base_lr: 1") == (
        "s.prototxt: names no train net; expected one of net, net_param, train_net, train_net_param. "
        'Add net: "your_train_test.prototxt".'
    )
    assert complaint('net: "n" base_lr: 1') == (
        f's.prototxt: lr_policy is missing; expected one of {POLICIES}. Add lr_policy: "fixed".'
    )
    assert complaint('net: "n" lr_policy: "fixed"') == (
        "s.prototxt: base_lr is missing; expected the first learning rate. Add base_lr: 0.01."
    )


def test_test_iter_counts_without_a_generic_net():
    text = 'train_net: "n" test_net: "t" base_lr: 1 lr_policy: "fixed" test_interval: 1\n'
    assert complaint(text) == "s.prototxt:1:16: found 0 test_iter; expected one for each test net, 1. Add 1."
    assert complaint(text + "test_iter: 1 test_iter: 1") == (
        "s.prototxt:2:1: found 2 test_iter; expected one for each test net, 1. Take 1 away or name more test nets."
    )


def test_net_that_does_not_exist(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "project").mkdir()
    with pytest.raises(SolverError) as caught:
        train_source(parse_solver(GOOD, "project/s.prototxt"))
    assert caught.value.sentence() == (
        'project/s.prototxt:1:1: net names "net.prototxt", which does not exist; expected the prototxt of a net. '
        "Paths count from the folder in which netdef is started."
    )
    (tmp_path / "project" / "net.prototxt").touch()
    with pytest.raises(SolverError) as caught:
        train_source(parse_solver(GOOD, "project/s.prototxt"))
    assert caught.value.sentence() == (
        'project/s.prototxt:1:1: net names "net.prototxt", which does not exist; expected the prototxt of a net. '
        "There is one at project/net.prototxt: start in the folder that the path counts from, or change the path."
    )


@pytest.mark.parametrize("kind", ["AdaGrad", "RMSProp"])
def test_momentum_where_there_is_none(kind):
    with pytest.raises(SolverError) as caught:
        get_solver(parse_solver(f'{GOOD}type: "{kind}"\nmomentum: 0.9', "s.prototxt"))
    assert caught.value.sentence() == (
        f"s.prototxt:5:1: momentum is 0.9; {kind} has none and expects 0. Take the field away."
    )


def test_unknown_type():
    with pytest.raises(NetdefError) as caught:
        get_solver(parse_solver(GOOD + 'type: "Adamm"', "s.prototxt"))
    assert caught.value.sentence() == (
        's.prototxt:4:1: unknown solver type "Adamm". Did you mean "Adam"? '
        "Known: AdaDelta, AdaGrad, Adam, Nesterov, RMSProp, SGD."
    )
