"""Learning rate policies: the learning rate of each iteration.

A policy is a function ``(param, iteration, current_step) -> (rate, current_step)`` of the SolverParameter; steps count
the drops of ``step`` and ``multistep``. Values come from C floats and the arithmetic is in float64.
Source: Caffe src/caffe/solvers/sgd_solver.cpp:13-70.
"""

from __future__ import annotations

from collections.abc import Callable
from math import cos, exp, inf, pi, prod

from netdef.registry import Registry
from prototxt import schema

Policy = Callable[[object, int, int], "tuple[float, int]"]

LR_POLICIES: Registry[Policy] = Registry("lr_policy")
NEEDED_FIELDS: dict[str, tuple[str, ...]] = {}


def register_policy(name: str, *needed: str) -> Callable[[Policy], Policy]:
    """A decorator: the function serves ``lr_policy: "name"`` and needs these fields of the solver."""

    def file(policy: Policy) -> Policy:
        NEEDED_FIELDS[name] = needed
        return LR_POLICIES.register(name)(policy)

    return file


@register_policy("fixed")
def fixed(param: schema.SolverParameter, iteration: int, current_step: int) -> tuple[float, int]:
    """``base_lr``"""
    return param.base_lr, current_step


@register_policy("step", "gamma", "stepsize")
def step(param: schema.SolverParameter, iteration: int, current_step: int) -> tuple[float, int]:
    """``base_lr gamma ^ ⌊iter / stepsize⌋``"""
    current_step = iteration // param.stepsize
    return param.base_lr * _power(param.gamma, current_step), current_step


@register_policy("exp", "gamma")
def exponential(param: schema.SolverParameter, iteration: int, current_step: int) -> tuple[float, int]:
    """``base_lr gamma ^ iter``"""
    return param.base_lr * _power(param.gamma, iteration), current_step


@register_policy("inv", "gamma", "power")
def inverse(param: schema.SolverParameter, iteration: int, current_step: int) -> tuple[float, int]:
    """``base_lr (1 + gamma iter) ^ -power``"""
    return param.base_lr * _power(1 + param.gamma * iteration, -param.power), current_step


@register_policy("multistep", "gamma", "stepvalue")
def multistep(param: schema.SolverParameter, iteration: int, current_step: int) -> tuple[float, int]:
    """``base_lr gamma ^ (number of stepvalues reached)``; one step an iteration at most, as in Caffe.

    With ``step_gamma``, which Caffe has not, the power is the product of as many of these factors.
    """
    if current_step < len(param.stepvalue) and iteration >= param.stepvalue[current_step]:
        current_step += 1
    if param.step_gamma:
        return param.base_lr * prod(param.step_gamma[:current_step]), current_step
    return param.base_lr * _power(param.gamma, current_step), current_step


@register_policy("poly", "power", "max_iter")
def polynomial(param: schema.SolverParameter, iteration: int, current_step: int) -> tuple[float, int]:
    """``base_lr (1 - iter / max_iter) ^ power``, 0 from max_iter on, where Caffe may give NaN"""
    return param.base_lr * _power(max(1 - iteration / param.max_iter, 0.0), param.power), current_step


@register_policy("sigmoid", "gamma", "stepsize")
def sigmoid(param: schema.SolverParameter, iteration: int, current_step: int) -> tuple[float, int]:
    """``base_lr / (1 + exp(-gamma (iter - stepsize)))``"""
    exponent = -param.gamma * (iteration - param.stepsize)
    return param.base_lr / (1 + exp(min(exponent, 700.0))), current_step


@register_policy("cosine", "max_iter")
def cosine(param: schema.SolverParameter, iteration: int, current_step: int) -> tuple[float, int]:
    """``min_lr + (base_lr - min_lr) (1 + cos(π iter / max_iter)) / 2``, min_lr from max_iter on; not in Caffe

    Source: Loshchilov and Hutter, "SGDR: stochastic gradient descent with warm restarts" (ICLR 2017), equation 5,
    without restarts.
    """
    share = (1 + cos(pi * min(iteration / param.max_iter, 1.0))) / 2
    return param.min_lr + (param.base_lr - param.min_lr) * share, current_step


def learning_rate(param: schema.SolverParameter, iteration: int, current_step: int) -> tuple[float, int]:
    """The rate of ``lr_policy`` and the steps after it; during warm-up a share of that rate.

    In iteration ``i`` of ``warmup_iter`` the share is ``s + (1 - s) ((i + 1) / (warmup_iter + 1)) ^ p``, where s is
    ``warmup_start`` and p is ``warmup_power``: for p = 1 a line whose next point is 1. Source: Goyal et al., "Accurate,
    large minibatch SGD" (2017, arXiv 1706.02677), section 2.2.
    """
    rate, current_step = LR_POLICIES.get(param.lr_policy)(param, iteration, current_step)
    if iteration < param.warmup_iter:
        climbed = ((iteration + 1) / (param.warmup_iter + 1)) ** param.warmup_power
        rate *= param.warmup_start + (1 - param.warmup_start) * climbed
    return rate, current_step


def _power(base: float, exponent: float) -> float:
    """``base ^ exponent``; what is too large for a float is infinite, as in C."""
    try:
        return base**exponent
    except OverflowError:
        return inf
