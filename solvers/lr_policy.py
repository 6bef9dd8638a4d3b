"""Learning rate policies: the learning rate of each iteration.

A policy is a function ``(param, iteration, current_step) -> (rate, current_step)`` of the SolverParameter; steps count
the drops of ``step`` and ``multistep``. Values come from C floats and the arithmetic is in float64.
Source: Caffe src/caffe/solvers/sgd_solver.cpp:13-70.
"""

from __future__ import annotations

from collections.abc import Callable
from math import exp, inf

from netdef.registry import Registry

Policy = Callable[[object, int, int], "tuple[float, int]"]

LR_POLICIES: Registry[Policy] = Registry("lr_policy")
NEEDED_FIELDS: dict[str, tuple[str, ...]] = {}


def register_policy(name: str, *needed: str):
    """A decorator: the function serves ``lr_policy: "name"`` and needs these fields of the solver."""

    def file(policy: Policy) -> Policy:
        NEEDED_FIELDS[name] = needed
        return LR_POLICIES.register(name)(policy)

    return file


@register_policy("fixed")
def fixed(param, iteration: int, current_step: int) -> tuple[float, int]:
    """``base_lr``"""
    return param.base_lr, current_step


@register_policy("step", "gamma", "stepsize")
def step(param, iteration: int, current_step: int) -> tuple[float, int]:
    """``base_lr gamma ^ ⌊iter / stepsize⌋``"""
    current_step = iteration // param.stepsize
    return param.base_lr * _power(param.gamma, current_step), current_step


@register_policy("exp", "gamma")
def exponential(param, iteration: int, current_step: int) -> tuple[float, int]:
    """``base_lr gamma ^ iter``"""
    return param.base_lr * _power(param.gamma, iteration), current_step


@register_policy("inv", "gamma", "power")
def inverse(param, iteration: int, current_step: int) -> tuple[float, int]:
    """``base_lr (1 + gamma iter) ^ -power``"""
    return param.base_lr * _power(1 + param.gamma * iteration, -param.power), current_step


@register_policy("multistep", "gamma", "stepvalue")
def multistep(param, iteration: int, current_step: int) -> tuple[float, int]:
    """``base_lr gamma ^ (number of stepvalues reached)``; one step an iteration at most, as in Caffe."""
    if current_step < len(param.stepvalue) and iteration >= param.stepvalue[current_step]:
        current_step += 1
    return param.base_lr * _power(param.gamma, current_step), current_step


@register_policy("poly", "power", "max_iter")
def polynomial(param, iteration: int, current_step: int) -> tuple[float, int]:
    """``base_lr (1 - iter / max_iter) ^ power``, 0 from max_iter on, where Caffe may give NaN"""
    return param.base_lr * _power(max(1 - iteration / param.max_iter, 0.0), param.power), current_step


@register_policy("sigmoid", "gamma", "stepsize")
def sigmoid(param, iteration: int, current_step: int) -> tuple[float, int]:
    """``base_lr / (1 + exp(-gamma (iter - stepsize)))``"""
    exponent = -param.gamma * (iteration - param.stepsize)
    return param.base_lr / (1 + exp(min(exponent, 700.0))), current_step


def _power(base: float, exponent: float) -> float:
    """``base ^ exponent``; what is too large for a float is infinite, as in C."""
    try:
        return base**exponent
    except OverflowError:
        return inf
