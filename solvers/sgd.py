"""Stochastic gradient descent with momentum, and what all update rules have in common.

Source: Caffe src/caffe/solvers/sgd_solver.cpp.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import partial
from itertools import chain
from math import sqrt
from typing import Any

import numpy as np

from netdef import aligned
from netdef.blob import Memory
from netdef.kernels import update
from netdef.kernels._jit import has_threads
from netdef.kernels._size import sized
from netdef.kernels.calls import BoundCalls, ReadyCall
from netdef.replay import FollowUp
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
        self._bound: dict[tuple[int, ...], _Bound] = {}  # updates of parameters
        self._squares: _Bound | None = None  # of all gradients
        self._sums: list[np.ndarray] = []  # where they go
        self._numbers_now: list[tuple[float, ...]] = []
        last_uses = self.net.parameters.last_uses(self.net.layers)
        self._by_layer = {layer: tuple(indices) for layer, indices in last_uses.items()}
        self._updates = {
            layer: FollowUp(partial(self._update_now, indices), partial(self._ready_update, indices))
            for layer, indices in self._by_layer.items()
        }

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
        numbers = self._numbers(rate, self._clip_scale() / self.param.iter_size)
        self._update_parameters(tuple(range(len(numbers))), numbers)

    @property
    def updates_early(self) -> bool:
        """Clipping needs the norm of all gradients, and hooks of the net may change them."""
        plain = self.param.clip_gradients < 0 and type(self).apply_update is SGDSolver.apply_update
        return plain and not self.net.backward_is_watched

    def update_on_the_way_back(self) -> None:
        """Run the net backward, and update each layer's parameters after it: their gradients are in the cache yet."""
        numbers = self._numbers_now = self._numbers(self.learning_rate(), 1.0)
        for indices in self._by_layer.values():
            if indices in self._bound:  # the net may repeat its calls by itself
                self._bound[indices].run.write([numbers[index] for index in indices])
        self.net.run_backward(self._updates)

    def _update_now(self, indices: tuple[int, ...]) -> None:
        self._update_parameters(indices, self._numbers_now)

    def _ready_update(self, indices: tuple[int, ...]) -> list[ReadyCall]:
        bound = self._bound.get(indices)
        return bound.run.ready if bound is not None and bound.fits() else []

    def _numbers(self, rate: float, scale: float) -> list[tuple[float, ...]]:
        """For each of the net's `learnable_params` the numbers that its update takes."""
        net, param = self.net, self.param
        weight_decay, l1 = param.weight_decay, param.regularization_type == "L1"
        rules = {lr_mult: self.rule(rate * lr_mult)[1] for lr_mult in set(net.params_lr)}
        found = []
        for lr_mult, decay_mult in zip(net.params_lr, net.params_weight_decay):
            decay = weight_decay * decay_mult
            found.append((*rules[lr_mult], scale, 0.0 if l1 else decay, decay if l1 else 0.0))
        return found

    def _update_parameters(self, indices: tuple[int, ...], numbers: list[tuple[float, ...]]) -> None:
        """Regularize and subtract some of the net's `learnable_params`."""
        bound = self._bound.get(indices)
        if bound is not None and bound.fits():
            bound.run([numbers[index] for index in indices])
            return
        blobs, rates = self.net.learnable_params, self.net.params_lr
        moving = indices
        if 0 in rates:
            resting = {i for i in indices if rates[i] == 0 and self._rests(i, sum(numbers[i][-2:]))}
            for index in resting:
                blobs[index].clear_diff_later()
            moving = tuple(index for index in indices if index not in resting)
        if not moving:
            return
        own = [(blobs[index].data, blobs[index].diff) for index in moving]
        bound = self._bound.get(moving)
        if bound is None or not bound.names(own):
            bound = self._bound[moving] = _Bound(
                own, self._bind(moving), [blobs[index].diff_memory for index in moving]
            )
        if moving == indices:
            bound.keep()
        bound.run([numbers[index] for index in moving])

    def _bind(self, indices: Sequence[int]) -> BoundCalls:
        kernel, calls = self.rule(1.0)[0], []
        for index in indices:
            blob = self.net.learnable_params[index]
            twin = sized(kernel, blob.count) if blob.count >= _PARALLEL_FROM else kernel.serial
            calls.append((twin, (*self._flat_history[index], blob.diff.reshape(-1), blob.data.reshape(-1))))
        return BoundCalls(calls, self.net.dtype.type)

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
        norm = self._gradient_norm()
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

    def _gradient_norm(self) -> float:
        """The L2 norm of the gradients of all parameters, summed in chunks, in float64."""
        if self._squares is None or not self._squares.fits():
            blobs = [blob for blob in self.net.learnable_params if blob.has_diff]
            own = [(blob.diff,) for blob in blobs]
            if self._squares is None or not self._squares.names(own):
                kernel, calls = update.sums_of_squares, []
                self._sums = [np.empty(-(-diff.size // update.CHUNK)) for (diff,) in own]
                for (diff,), partial in zip(own, self._sums, strict=True):
                    twin = sized(kernel, diff.size) if diff.size >= _PARALLEL_FROM else kernel.serial
                    calls.append((twin, (diff.reshape(-1), partial)))
                self._squares = _Bound(own, BoundCalls(calls, float), [blob.diff_memory for blob in blobs])
            self._squares.keep()
        self._squares.run([()] * len(self._sums))
        return sqrt(sum(sum(partial.tolist()) for partial in self._sums))


class _Bound:
    """Calls bound to arrays of the parameters.

    ``run`` makes them; ``gradients`` are the memories of those gradients that they read.
    """

    def __init__(self, arrays: Sequence[tuple[np.ndarray, ...]], run: BoundCalls, gradients: Sequence[Memory]) -> None:
        self._arrays, self._gradients, self.run = arrays, gradients, run
        self._threads = has_threads()
        self._valid_at = -1

    def keep(self) -> None:
        """Note that the arrays are those of the blobs now."""
        self._valid_at = Memory.changes

    def fits(self) -> bool:
        """Whether the arrays are still those of the blobs, and hold what the blobs would show."""
        if self._valid_at != Memory.changes:
            return False
        for memory in self._gradients:  # at each step, and quicker than any()
            if memory.stale:
                return False
        return True

    def names(self, arrays: Sequence[tuple[np.ndarray, ...]]) -> bool:
        """Whether the calls are bound to these."""
        pairs = zip(chain.from_iterable(arrays), chain.from_iterable(self._arrays))
        same = len(arrays) == len(self._arrays) and all(one is other for one, other in pairs)
        return same and self._threads == has_threads()


def refuse_momentum(solver: Solver) -> None:
    """The check of the rules that have no momentum (sgd_solvers.hpp:75-77, :95-97)."""
    momentum = np.float32(solver.param.momentum)
    if momentum != 0:
        solver.fail("momentum", f"momentum is {momentum:g}; {solver.type} has none and expects 0. Take the field away.")
