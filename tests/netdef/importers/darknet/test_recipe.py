"""Darknet's rates and batches as a solver."""

from __future__ import annotations

import numpy as np
import pytest

from netdef.errors import NetError
from netdef.importers.darknet.cfg import parse_cfg
from netdef.importers.darknet.net import Building
from netdef.importers.darknet.recipe import make_solver, read_batches, solver_text
from prototxt import parse_solver
from solvers.check import Checker
from solvers.lr_policy import learning_rate

BASE = "[net]\nbatch=64\nsubdivisions=16\nlearning_rate=0.5\nmomentum=0.75\ndecay=0.001\nmax_batches=1000\n"


def solver_of(text, test_batches=None, building=None):
    building = building or Building((3, 8, 8), 1, 1)
    return make_solver(building, parse_cfg(text, "n.cfg")[0], "net.prototxt", "out/net", test_batches)


def darknets_rate(policy, options, batch, rate=0.5):
    """get_current_rate, at the ``batch``-th change of the weights, counted from 1."""
    if batch < options.get("burn_in", 0):
        return rate * (batch / options["burn_in"]) ** options.get("power", 4)
    if policy == "step":
        return rate * options["scale"] ** (batch // options["step"])
    if policy == "steps":
        return rate * np.prod([scale for step, scale in zip(options["steps"], options["scales"]) if batch >= step])
    if policy == "exp":
        return rate * options["gamma"] ** batch
    if policy == "poly":
        return rate * (1 - batch / 1000) ** options.get("power", 4)
    if policy == "sig":
        return rate / (1 + np.exp(options["gamma"] * (batch - options["step"])))
    if policy == "sgdr":
        least = options["learning_rate_min"]
        return least + 0.5 * (rate - least) * (1 + np.cos(np.pi * batch / 1000))
    return rate


@pytest.mark.parametrize(
    "policy, options",
    [
        ("constant", {}),
        ("constant", {"burn_in": 50}),
        ("steps", {"steps": [40, 60], "scales": [10, 0.5], "burn_in": 30, "power": 2}),
        ("step", {"scale": 0.5, "step": 100}),
        ("steps", {"steps": [40, 60, 80], "scales": [0.1, 0.1, 0.1]}),
        ("steps", {"steps": [-1, 40, 60], "scales": [0.1, 10, 0.5]}),
        ("exp", {"gamma": 0.99}),
        ("poly", {}),
        ("poly", {"power": 2}),
        ("sig", {"gamma": 0.1, "step": 60}),
        ("sgdr", {"learning_rate_min": 0.01}),
    ],
)
def test_rates(policy, options):
    """What Darknet has at its batch i, counted from 1, the solver has in iteration i; while burning in in i - 1."""
    lines = [
        f"{key}={','.join(map(str, value)) if isinstance(value, list) else value}" for key, value in options.items()
    ]
    solver = solver_of(BASE + f"policy={policy}\n" + "\n".join(lines))
    Checker(parse_solver(solver_text(solver))).check()
    step = 0
    for iteration in range(120):
        rate, step = learning_rate(solver, iteration, step)
        batch, wanted = iteration, {key: value for key, value in options.items() if key != "burn_in"}
        if iteration + 1 < options.get("burn_in", 0):
            batch, wanted = iteration + 1, options
        np.testing.assert_allclose(rate, darknets_rate(policy, wanted, batch), rtol=1e-5)


def test_batches():
    assert read_batches(parse_cfg(BASE)[0]) == (64, 16)
    assert read_batches(parse_cfg("[net]")[0]) == (1, 1)


def test_the_solver():
    text = solver_text(solver_of(BASE + "policy=steps\nsteps=400,800\nscales=.1,.5\nburn_in=100\n", test_batches=7))
    assert text == (
        "test_iter: 7\ntest_interval: 100\nbase_lr: 0.5\ndisplay: 10\nmax_iter: 1000\n"
        'lr_policy: "multistep"\ngamma: 0.1\nmomentum: 0.75\nweight_decay: 0.001\nsnapshot: 200\n'
        'snapshot_prefix: "out/net"\nsolver_mode: CPU\nnet: "net.prototxt"\nstepvalue: 400\nstepvalue: 800\n'
        "iter_size: 16\n#netdef warmup_iter: 99\n#netdef warmup_power: 4\n#netdef step_gamma: 0.1\n"
        "#netdef step_gamma: 0.5\n"
    )
    message = parse_solver(text).message
    assert (message.warmup_iter, list(message.step_gamma)) == (99, [np.float32(0.1), 0.5])


def test_adam():
    solver = solver_of(BASE + "adam=1\nB1=0.8\nB2=0.99\neps=0.001\n")
    assert (solver.type, solver.momentum, solver.momentum2) == ("Adam", np.float32(0.8), np.float32(0.99))
    assert solver.delta == np.float32(0.001) and solver.lr_policy == "fixed"


def test_only_steps_before_the_first_batch():
    solver = solver_of(BASE + "policy=steps\nsteps=0\nscales=.5\n")
    assert (solver.lr_policy, solver.base_lr) == ("fixed", 0.25)


@pytest.mark.parametrize("line, place", [("", "1:1"), ("max_batches = 0\n", "7:1")])
def test_training_without_an_end(line, place):
    building = Building((3, 8, 8), 1, 1)
    solver = solver_of(BASE.replace("max_batches=1000\n", line) + "policy=steps\nsteps=4\nscales=.1", None, building)
    Checker(parse_solver(solver_text(solver))).check()
    assert (solver.max_iter, solver.test_interval, solver.display, solver.snapshot) == (2**31 - 1, 1000, 100, 2000)
    assert building.notices == [
        f"n.cfg:{place}: [net] max_batches is 0 or not given: training goes on until it is stopped, as Darknet's "
        "(max_iter 2147483647)."
    ]


def test_updates_are_darknets():
    """Two changes of a weight by Darknet's rule, in which gradients are sums and decay counts the batch, and ours."""
    rate, momentum, decay, batch = 0.5, 0.75, 0.001, 64
    sums, ours, history, update = [30.0, -12.0], 2.0, 0.0, 0.0
    darknets = 2.0
    for gradient in sums:  # Darknet's go down the slope
        update += gradient - decay * batch * darknets
        darknets += rate / batch * update
        update *= momentum
        history = momentum * history + rate * (-gradient / batch + decay * ours)
        ours -= history
    assert ours == pytest.approx(darknets, rel=1e-12)


@pytest.mark.parametrize(
    "line, message",
    [
        ("policy=random", 'n.cfg:8:1: [net] policy is "random", which has no equivalent here; expected one of '
         'constant, '
         "step, steps, exp, poly, sig, sigmoid, sgdr."),
        ("policy=steps\nsteps=3,4\nscales=.1", "n.cfg:10:1: [net] policy is steps, and there are 2 steps and 1 scales; "
         "expected one scale for each step. Complete them."),
        ("policy=steps", "n.cfg:8:1: [net] policy is steps, and there are 0 steps and 0 scales; expected one scale for "
         "each step. Complete them."),
        ("policy=steps\nsteps=4,3\nscales=.1,.1", "n.cfg:9:1: [net] steps must increase, and no scale may be negative. "
         "Correct them."),
        ("policy=sgdr\nsgdr_cycle=10", "n.cfg:9:1: [net] sgdr_cycle, warm restarts, has no equivalent here; expected "
         "max_batches."),
        ("adam=1\nB1=1", "n.cfg:1:1: [net] momentum is 1; expected less than 1. Lower it."),
    ],
)  # fmt: skip
def test_wrong_recipes(line, message):
    text = BASE.replace("momentum=0.75\n", "\n") + line
    with pytest.raises(NetError) as caught:
        solver_of(text)
    assert caught.value.sentence() == message


def test_wrong_batches():
    for text, message in (
        ("[net]\nbatch=10\nsubdivisions=3", "n.cfg:3:1: [net] subdivisions is 3 and batch is 10; expected a divisor of "
         "it. Correct one of them."),
        ("[net]\ntime_steps=3", "n.cfg:2:1: [net] time_steps is for recurrent layers, which are not read here; "
         "expected "
         "1."),
    ):  # fmt: skip
        with pytest.raises(NetError) as caught:
            read_batches(parse_cfg(text, "n.cfg")[0])
        assert caught.value.sentence() == message
    with pytest.raises(NetError) as caught:
        solver_of("[net]\nwidth=10\npolicy=poly")
    assert caught.value.sentence() == (
        "n.cfg:3:1: [net] policy poly needs max_batches; expected a whole number, 1 or more. Add max_batches=…."
    )
