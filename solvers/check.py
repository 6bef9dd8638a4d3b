"""Finds what is wrong with a solver definition before anything is built.

Every rule names the field, what was found and what is expected. Source: the CHECKs in Caffe's
src/caffe/solver.cpp:40-190, src/caffe/solvers/sgd_solver.cpp:27-70 and include/caffe/sgd_solvers.hpp:75-100.
"""

from __future__ import annotations

from math import isfinite
from sys import float_info
from typing import NoReturn

from netdef.errors import SolverError, suggestion
from prototxt import Document
from solvers.detection import AP_VERSIONS
from solvers.lr_policy import LR_POLICIES, NEEDED_FIELDS

TRAIN_NET_FIELDS = ("net", "net_param", "train_net", "train_net_param")
REGULARIZATION_TYPES = ("L1", "L2")

# field: (least, most, whether most itself is permitted, what is expected)
_RANGES = {
    "base_lr": (0, None, True, "a learning rate of 0 or more"),
    "momentum": (0, 1, False, "at least 0 and less than 1"),
    "momentum2": (0, 1, False, "at least 0 and less than 1"),
    "rms_decay": (0, 1, False, "at least 0 and less than 1"),
    "delta": (0, None, True, "0 or more"),
    "weight_decay": (0, None, True, "0 or more"),
    "gamma": (0, None, True, "0 or more"),
    "iter_size": (1, None, True, "at least 1 batch an iteration"),
    "average_loss": (1, None, True, "at least 1 iteration"),
    "max_iter": (0, None, True, "0 or more iterations"),
    "display": (0, None, True, "0 (never) or more iterations"),
    "test_interval": (0, None, True, "0 (never) or more iterations"),
    "snapshot": (0, None, True, "0 (never) or more iterations"),
    "warmup_iter": (0, None, True, "0 (no warm-up) or more iterations"),
    "warmup_start": (0, 1, True, "a share of the learning rate, 0 to 1"),
    "warmup_power": (0, None, True, "0 or more"),
    "min_lr": (0, None, True, "a learning rate of 0 or more"),
    "clip_gradients": (-float_info.max, None, True, "a largest norm, or a negative number for none"),
    "monitor_net": (0, None, True, "the number of a test net, counted from 0"),
    "keep_newest": (0, None, True, "0 (all) or more snapshots"),
    "keep_best": (0, None, True, "0 (none) or more snapshots"),
    "early_stopping": (0, None, True, "0 (never) or more tests"),
    "min_improvement": (0, None, True, "0 or more"),
}
_NEEDING_MONITOR = ("monitor_net", "monitor_goal", "keep_best", "early_stopping", "min_improvement")


class Checker:
    """Checks the fields of one solver document (`prototxt.Document` of a SolverParameter)."""

    def __init__(self, document: Document) -> None:
        self.document = document
        self.param = document.message

    def check(self) -> None:
        """Raise SolverError, with file, line and column, for the first thing that is wrong."""
        self._ranges()
        self._train_net()
        self._test_nets()
        self._lr_policy()
        self._regularization()
        self._monitor()
        self._detection()

    def fail(self, field: str, message: str) -> NoReturn:
        raise SolverError(message, location=self.document.location(field), field=field)

    def _ranges(self) -> None:
        for field, (least, most, inclusive, expected) in _RANGES.items():
            value = getattr(self.param, field)
            too_much = most is not None and (value > most if inclusive else value >= most)
            if field == "gamma" and self.param.lr_policy == "sigmoid":
                least = -float_info.max  # a rate that falls; Caffe takes only those that rise
            if not isfinite(value) or value < least or too_much:
                found = value if isinstance(value, int) else f"{value:g}"
                self.fail(field, f"{field} is {found}; expected {expected}. Change it.")

    def _train_net(self) -> None:
        given = [field for field in TRAIN_NET_FIELDS if self.param.HasField(field)]
        names = ", ".join(TRAIN_NET_FIELDS)
        if not given:
            self.fail("", f'names no train net; expected one of {names}. Add net: "your_train_test.prototxt".')
        if len(given) > 1:
            self.fail(given[1], f"gives the train net {len(given)} times ({', '.join(given)}); expected one. Keep one.")

    def _test_nets(self) -> None:
        param = self.param
        named = len(param.test_net) + len(param.test_net_param)
        generic = param.HasField("net") or param.HasField("net_param")
        count = len(param.test_iter)
        if count < named or (count > named and not generic):
            field = "test_iter[0]" if count else ("test_net[0]" if param.test_net else "test_net_param[0]")
            expected = f"one for each test net{', at least' if generic else ','} {named}"
            act = f"Add {named - count}." if count < named else f"Take {count - named} away or name more test nets."
            self.fail(field, f"found {count} test_iter; expected {expected}. {act}")
        for index, value in enumerate(param.test_iter):
            if value < 1:
                self.fail(f"test_iter[{index}]", f"test_iter is {value}; expected at least 1 batch. Change it.")
        if count and param.test_interval == 0:
            self.fail(
                "test_iter[0]",
                "found test_iter without test_interval; a test net needs both. "
                "Add test_interval, the iterations between two tests, or take test_iter away.",
            )
        if param.test_state and len(param.test_state) != count:
            self.fail(
                "test_state[0]",
                f"found {len(param.test_state)} test_state for {count} test nets; expected one for each or none.",
            )

    def _lr_policy(self) -> None:
        policy = self.param.lr_policy
        known = ", ".join(LR_POLICIES)
        if not policy:
            self.fail("", f'lr_policy is missing; expected one of {known}. Add lr_policy: "fixed".')
        if policy not in LR_POLICIES:
            self.fail("lr_policy", LR_POLICIES.unknown(policy))
        if not self.param.HasField("base_lr"):
            self.fail("", "base_lr is missing; expected the first learning rate. Add base_lr: 0.01.")
        for field in NEEDED_FIELDS[policy]:
            repeated = field == "stepvalue"
            if not (self.param.stepvalue if repeated else self.param.HasField(field)):
                self.fail("lr_policy", f'lr_policy "{policy}" needs {field}, which is missing. Add {field}.')
        self._lr_policy_values(policy)

    def _lr_policy_values(self, policy: str) -> None:
        param = self.param
        if "stepsize" in NEEDED_FIELDS[policy] and param.stepsize < 1:
            self.fail("stepsize", f"stepsize is {param.stepsize}; expected at least 1 iteration. Change it.")
        if policy in ("poly", "cosine") and param.max_iter < 1:
            self.fail("max_iter", f'max_iter is {param.max_iter}; lr_policy "{policy}" needs at least 1. Change it.')
        if policy != "cosine" and param.HasField("min_lr"):
            self.fail("min_lr", f'min_lr is for lr_policy "cosine"; this is "{policy}". Take min_lr away.')
        if policy in ("poly", "inv") and not (isfinite(param.power) and (param.power >= 0 or policy == "inv")):
            self.fail("power", f'power is {param.power:g}; lr_policy "{policy}" expects 0 or more. Change it.')
        self._step_gamma(policy)
        values = list(param.stepvalue) if policy == "multistep" else []
        for index, (before, value) in enumerate(zip([-1, *values], values, strict=False)):
            if value <= before:
                self.fail(
                    f"stepvalue[{index}]",
                    f"stepvalue {value} follows {before}; expected increasing iterations of 0 or more. Sort them.",
                )

    def _step_gamma(self, policy: str) -> None:
        factors, steps = self.param.step_gamma, len(self.param.stepvalue)
        if not factors:
            return
        if policy != "multistep":
            self.fail("step_gamma[0]", f'step_gamma is for lr_policy "multistep"; this is "{policy}". Take it away.')
        if len(factors) != steps:
            self.fail("step_gamma[0]", f"found {len(factors)} step_gamma for {steps} stepvalue; expected one for each.")
        for index, factor in enumerate(factors):
            if not (isfinite(factor) and factor >= 0):
                self.fail(f"step_gamma[{index}]", f"step_gamma is {factor:g}; expected 0 or more. Change it.")

    def _regularization(self) -> None:
        kind = self.param.regularization_type
        if kind not in REGULARIZATION_TYPES:
            self.fail(
                "regularization_type",
                f'unknown regularization_type "{kind}".{suggestion(kind, REGULARIZATION_TYPES)} Known: L1, L2.',
            )

    def _monitor(self) -> None:
        param = self.param
        if not param.monitor:
            for field in _NEEDING_MONITOR:
                if param.HasField(field):
                    self.fail(field, f'{field} needs monitor, which is missing. Add monitor: "accuracy".')
        elif not param.test_iter:
            self.fail(
                "monitor",
                "found monitor, but no test net to monitor. Add test_iter and test_interval, or take it away.",
            )

    def _detection(self) -> None:
        for field, known in (("eval_type", ("classification", "detection")), ("ap_version", AP_VERSIONS)):
            value = getattr(self.param, field)
            if value not in known:
                listed = ", ".join(known[:-1]) + f" or {known[-1]}"
                self.fail(field, f'{field} is "{value}"; expected {listed}.{suggestion(value, known)} Correct it.')
