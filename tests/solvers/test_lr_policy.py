"""Learning rates over the iterations, against the formulas written out by hand."""

from __future__ import annotations

from math import cos, exp, inf, pi

import numpy as np
import pytest

from prototxt import parse_solver
from solvers.lr_policy import LR_POLICIES, NEEDED_FIELDS, learning_rate

FIELDS = "base_lr: 0.25 gamma: 0.5 power: 2 stepsize: 3 stepvalue: 2 stepvalue: 5 max_iter: 10 min_lr: 0.125"

WANTED = {
    "fixed": lambda i: 0.25,
    "step": lambda i: 0.25 * 0.5 ** (i // 3),
    "exp": lambda i: 0.25 * 0.5**i,
    "inv": lambda i: 0.25 / (1 + 0.5 * i) ** 2,
    "multistep": lambda i: 0.25 * 0.5 ** ((i >= 2) + (i >= 5)),
    "poly": lambda i: 0.25 * (1 - i / 10) ** 2 if i < 10 else 0,
    "sigmoid": lambda i: 0.25 / (1 + exp(-0.5 * (i - 3))),
    "cosine": lambda i: 0.125 + 0.0625 * (1 + cos(pi * min(i, 10) / 10)),
}


def rates(policy: str, fields: str = FIELDS, count: int = 12, start: int = 0, current_step: int = 0):
    param = parse_solver(fields).message
    found = []
    for iteration in range(start, start + count):
        rate, current_step = LR_POLICIES.get(policy)(param, iteration, current_step)
        found.append(rate)
    return found, current_step


def test_every_policy_is_tested():
    assert set(WANTED) == set(LR_POLICIES) == set(NEEDED_FIELDS)


@pytest.mark.parametrize("policy", WANTED)
def test_policy(policy):
    found, _ = rates(policy)
    np.testing.assert_allclose(found, [WANTED[policy](i) for i in range(12)], rtol=1e-12)


def test_current_step_is_counted_and_gone_on_from():
    assert rates("step")[1] == 3
    assert rates("multistep")[1] == 2
    assert rates("multistep", start=4, current_step=1, count=3)[0] == [0.125, 0.0625, 0.0625]
    assert rates("inv", current_step=7)[1] == 7


def test_multistep_takes_one_step_an_iteration():
    """Caffe catches up one step at a time when a run begins beyond several step values (sgd_solver.cpp:46)."""
    assert rates("multistep", start=9, count=3)[0] == [0.125, 0.0625, 0.0625]


def test_multistep_with_a_factor_for_each_step():
    fields = "base_lr: 0.5 gamma: 3 stepvalue: 2 stepvalue: 4 step_gamma: 0.5 step_gamma: 4"
    assert rates("multistep", fields, count=6)[0] == [0.5, 0.5, 0.25, 0.25, 1, 1]


def test_sigmoid_may_fall():
    found, _ = rates("sigmoid", "base_lr: 0.25 gamma: -0.5 stepsize: 3", count=5)
    np.testing.assert_allclose(found, [0.25 / (1 + exp(0.5 * (i - 3))) for i in range(5)], rtol=1e-12)


def test_what_is_too_large_is_infinite():
    assert rates("exp", "base_lr: 1 gamma: 10", start=1000, count=1)[0] == [inf]


@pytest.mark.parametrize(("start", "shares"), [(0, [0.25, 0.5, 0.75, 1, 1]), (0.5, [0.625, 0.75, 0.875, 1, 1])])
def test_warm_up_is_a_line_to_the_rate_of_the_policy(start, shares):
    param = parse_solver(f'lr_policy: "exp" base_lr: 8 gamma: 0.5 warmup_iter: 3 warmup_start: {start}').message
    found = [learning_rate(param, iteration, 0)[0] for iteration in range(5)]
    assert found == [share * 8 * 0.5**iteration for iteration, share in enumerate(shares)]


def test_warm_up_along_a_power():
    text = 'lr_policy: "fixed" base_lr: 8 warmup_iter: 3 warmup_start: 0.5 warmup_power: 2'
    param = parse_solver(text).message
    found = [learning_rate(param, iteration, 0)[0] for iteration in range(5)]
    assert found == [8 * (0.5 + 0.5 * share) for share in (1 / 16, 1 / 4, 9 / 16, 1, 1)]
