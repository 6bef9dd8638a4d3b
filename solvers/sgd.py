"""Stochastic gradient descent with momentum, and what all update rules have in common.

Source: Caffe src/caffe/solvers/sgd_solver.cpp.
"""

from __future__ import annotations

import os
from math import sqrt
from typing import Any

import numpy as np

from netdef import aligned
from netdef.kernels import update
from netdef.kernels._size import sized
from prototxt import Document
from solvers.log import number
from solvers.lr_policy import learning_rate
from solvers.solver import Solver, register_solver

_PARALLEL_FROM = 1 << 17  # elements; below that, waking and awaiting threads takes as long as it saves


@register_solver("SGD")
class SGDSolver(Solver):
    """Gradient descent with momentum.

    Formula: gradients are first scaled down to an L2 norm of ``clip_gradients`` over all parameters where theirs is
    larger, then divided by ``iter_size``; then, for each parameter ``w`` with gradient ``g``,
    ``g := g + weight_decay decay_mult w`` (L2) or ``sign(w)`` in place of ``w`` (L1),
    ``h := momentum h + lr lr_mult g``, ``w := w - h``.

    Fields: base_lr, lr_policy and what it needs, momentum in [0, 1), weight_decay, regularization_type,
    clip_gradients (negative: off), iter_size in batches; log_gradient_norm, which logs the norm before clipping,
    divided by iter_size.

    Differs from Caffe: the norm is summed in float64.
    """

    history_slots = 1
    moves_by_rate = True  # at rate 0, a history of zeros stays one

    def __init__(self, definition: str | os.PathLike[str] | Document, **options: Any) -> None:
        super().__init__(definition, **options)
        blobs = self.net.learnable_params
        self.history = [aligned.zeros(blob.shape, self.net.dtype) for _ in range(self.history_slots) for blob in blobs]
        self._flat_history = [[h.reshape(-1) for h in self.history[i :: len(blobs)]] for i in range(len(blobs))]
        self._last_uses = self.net.parameters.last_uses(self.net.layers)

    def learning_rate(self) -> float:
        """The learning rate of this iteration; moves ``current_step`` on."""
        before = self.current_step
        rate, self.current_step = learning_rate(self.param, self.iter, before)
        if self.param.lr_policy == "multistep" and self.current_step != before:
            self.log.info("sgd_solver.cpp:50", f"MultiStep Status: Iteration {self.iter}, step = {self.current_step}")
        return rate

    def apply_update(self) -> None:
        """Clip, normalize, regularize and subtract, in Caffe's order (sgd_solver.cpp:82-107)."""
        rate = self.learning_rate()
        if self.due(self.param.display):
            self.log.info("sgd_solver.cpp:112", f"Iteration {self.iter}, lr = {number(rate)}")
        net = self.net
        scale = self._clip_scale() / self.param.iter_size
        for index in range(len(net.learnable_params)):
            self._update_parameter(index, rate, scale)

    @property
    def updates_early(self) -> bool:
        """Clipping needs the norm of all gradients, and hooks of the net may change them."""
        plain = self.param.clip_gradients < 0 and type(self).apply_update is SGDSolver.apply_update
        return plain and not self.net.backward_is_watched

    def update_on_the_way_back(self) -> None:
        """The gradients are still in the cache where they were written."""
        rate, left = self.learning_rate(), set(range(len(self.net.learnable_params)))

        def after_layer(layer: int) -> None:
            for index in self._last_uses.get(layer, ()):
                self._update_parameter(index, rate, 1.0)
                left.discard(index)

        self.net.run_backward(after_layer)
        for index in sorted(left):
            self._update_parameter(index, rate, 1.0)

    def _update_parameter(self, index: int, rate: float, scale: float) -> None:
        """Regularize and subtract one of the net's `learnable_params`."""
        net = self.net
        lr_mult, blob, real = net.params_lr[index], net.learnable_params[index], net.dtype.type
        decay = self.param.weight_decay * net.params_weight_decay[index]
        if lr_mult == 0 and self._rests(index, decay):
            blob.clear_diff_later()
            return
        l1 = self.param.regularization_type == "L1"
        common = (real(scale), real(0 if l1 else decay), real(decay if l1 else 0))
        kernel, numbers = self.rule(rate * lr_mult)
        kernel = sized(kernel, blob.count) if blob.count >= _PARALLEL_FROM else kernel.serial
        histories = self._flat_history[index]
        kernel(*map(real, numbers), *common, *histories, blob.diff.reshape(-1), blob.data.reshape(-1))

    def _rests(self, index: int, decay: float) -> bool:
        """Whether a step at rate 0 leaves all of a parameter as it is, so that frozen ones cost no memory and time."""
        history_stays = self.moves_by_rate or (decay == 0 and not self.net.learnable_params[index].has_diff)
        return history_stays and not any(history.any() for history in self._flat_history[index])

    def rule(self, rate: float) -> tuple:
        """The kernel of this rule and the numbers that it takes first."""
        return update.sgd, (rate, self.param.momentum)

    def _clip_scale(self) -> float:
        """What gradient clipping multiplies all gradients by, 1 where their norm is small enough."""
        limit = self.param.clip_gradients
        log_norm = self.param.log_gradient_norm and self.due(self.param.display)
        if limit < 0 and not log_norm:
            return 1.0
        blobs = self.net.learnable_params
        norm = sqrt(sum(update.sum_of_squares(blob.diff.reshape(-1)) for blob in blobs if blob.has_diff))
        if log_norm:
            mean = norm / self.param.iter_size
            self.log.info("sgd_solver.cpp:85", f"Iteration {self.iter}, gradient norm = {number(mean)}")
        if limit < 0 or not norm > limit:
            return 1.0
        self.log.info(
            "sgd_solver.cpp:99",
            f"Gradient clipping: scaling down gradients (L2 norm {number(norm)} > {number(limit)}) "
            f"by scale factor {number(limit / norm)}",
        )
        return limit / norm


def refuse_momentum(solver: Solver) -> None:
    """The check of the rules that have no momentum (sgd_solvers.hpp:75-77, :95-97)."""
    momentum = np.float32(solver.param.momentum)
    if momentum != 0:
        solver.fail("momentum", f"momentum is {momentum:g}; {solver.type} has none and expects 0. Take the field away.")
