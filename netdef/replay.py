"""Passes that are noted once and then repeated.

Most layers' passes are calls of kernels whose arguments stay as long as shapes, memory and threads stay. A net notes
them in its second pass of such a kind; from the third on they run one after another without a word of Python in
between. Whatever a user does to values between two passes counts in the next one, as ever.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, NamedTuple

from netdef.blob import Memory
from netdef.chains import PooledConvolution, find_backward_chains, find_chains
from netdef.kernels._jit import has_threads, num_threads
from netdef.kernels.calls import CAN_REPEAT, CallTable, ReadyCall, UnsuitableCallError, noted_calls

if TYPE_CHECKING:
    from netdef.net import Net

MOST_KINDS = 4  # of backward passes that are noted at a time


class _Part(NamedTuple):
    """Steps ``first … last`` of the net, both included, with the range of their calls, or None to run them."""

    first: int
    last: int
    calls: tuple[int, int] | None


class _BackwardPart(NamedTuple):
    """Steps ``first`` down to ``last``, both included, with the range of their calls, or None to run them.

    ``opened`` are the gradients that were to be cleared, and are no longer when the part has run. ``follow`` says
    whether the calls lack what is to be done after the last step.
    """

    first: int
    last: int
    calls: tuple[int, int] | None
    opened: list[Memory]
    follow: bool = False

    def with_next(self, part: _BackwardPart) -> _BackwardPart:
        """This one and the next of the same kind as one."""
        calls = self.calls and (self.calls[0], part.calls[1])
        return _BackwardPart(self.first, part.last, calls, self.opened + part.opened, part.follow)


def _state() -> tuple:
    """While this stays the same, a noted call may be repeated."""
    return Memory.changes, num_threads(), has_threads()


class Replay:
    """Whole forward passes of one net, which each call names: it holds this, not the other way round."""

    def __init__(self) -> None:
        self._seen: tuple | None = None
        self._noted_at: tuple | None = None
        self._parts: list[_Part] = []
        self._table: CallTable | None = None

    def forward(self, net: Net) -> float:
        """One forward pass of all layers of ``net``; returns the weighted loss."""
        state = _state()
        if state == self._noted_at:
            return self._repeat(net)
        if state == self._seen and CAN_REPEAT:
            return self._note(net)
        loss = net.sharing.run(net) if net.sharing else net.run_steps(0, len(net.steps) - 1)
        self._seen, self._noted_at, self._table = _state(), None, None
        return loss

    def _note(self, net: Net) -> float:
        """A forward pass, step by step, in which the calls of those steps that can be repeated are noted."""
        loss, index, calls, parts = 0.0, 0, [], []
        chains = find_chains(net.steps)
        while index < len(net.steps):
            step, last = net.steps[index], index
            with noted_calls() as noted:
                if index in chains:
                    chains[index].forward()
                    last = chains[index].last
                else:
                    loss = net.run_steps(index, index, loss)
            fits = step.layer.is_repeatable and not step.layer.is_data and not step.losses
            _append(parts, index, last, (len(calls), len(calls) + len(noted)) if fits else None)
            calls += noted if fits else []
            index = last + 1
        try:
            self._table = CallTable(calls)
        except UnsuitableCallError:
            parts = [_Part(0, len(net.steps) - 1, None)]
        self._parts, self._seen, self._noted_at = parts, _state(), _state()
        return loss

    def _repeat(self, net: Net) -> float:
        loss = 0.0
        for first, last, calls in self._parts:
            if calls is None or not self._table.run(*calls):
                loss = net.run_steps(first, last, loss)
                if _state() != self._noted_at:
                    return net.run_steps(last + 1, len(net.steps) - 1, loss)
        return loss


class FollowUp:
    """What is to be done when a layer has run backward, by calls of kernels that may be repeated.

    ``do()`` does it; ``ready()`` gives the calls that do the same, none while there are no such. A net repeats these
    in place of ``do`` as long as memory stays where it is.
    """

    def __init__(self, do: Callable[[], None], ready: Callable[[], list[ReadyCall]]) -> None:
        self.do, self.ready = do, ready
        self.token = object()  # tells it from all others, for those who should not keep it

    def __call__(self) -> None:
        self.do()


class BackwardReplay:
    """Whole backward passes of one net, of each kind in which they come.

    A kind is: which gradients of parameters are to be cleared, and what is to be done after which layers.
    """

    def __init__(self) -> None:
        self._state: tuple | None = None
        self._seen: set[tuple] = set()
        self._noted: dict[tuple, tuple[list[_BackwardPart], CallTable | None]] = {}

    def backward(self, net: Net, after: Mapping[int, Callable[[], None]]) -> None:
        """One backward pass of all layers of ``net``; ``after[i]()`` is called when layer i has run."""
        if self._state != _state():
            self._state = _state()
            self._seen.clear()
            self._noted.clear()
        follow_ups = [getattr(follow_up, "token", layer) for layer, follow_up in after.items()]
        kind = (*(blob.diff_memory.stale for blob in net.learnable_params), *follow_ups)
        if kind in self._noted:
            self._repeat(net, after, *self._noted[kind])
        elif kind in self._seen and CAN_REPEAT and len(self._noted) < MOST_KINDS:
            self._noted[kind] = self._note(net, after)
        else:
            net.run_steps_backward(len(net.steps) - 1, 0, after)
        if self._state == _state():
            self._seen.add(kind)

    def _note(self, net: Net, after: Mapping[int, Callable[[], None]]) -> tuple[list[_BackwardPart], CallTable | None]:
        """A backward pass, step by step, in which the calls of those steps that can be repeated are noted."""
        calls, parts = [], []
        chains = find_backward_chains(net.steps)
        number = len(net.steps) - 1
        while number >= 0:
            last = number - 1 if number in chains and number not in after else number
            layers = [net.steps[index].layer for index in range(last, number + 1) if net.steps[index].needs_backward]
            memories = [blob.diff_memory for layer in layers for blob in layer.blobs if blob.diff_memory.stale]
            fits = all(layer.is_backward_repeatable and all(blob.owns_diff for blob in layer.blobs) for layer in layers)
            noted = self._run_noted(net, chains, number, last)
            opened = [memory for memory in memories if not memory.stale]
            if last in after:
                after[last]()
            part = _BackwardPart(number, last, None, [])
            if fits:
                follow_up = after.get(last)
                ready = follow_up.ready() if isinstance(follow_up, FollowUp) else []
                noted += ready
                follow = follow_up is not None and not ready
                part = _BackwardPart(number, last, (len(calls), len(calls) + len(noted)), opened, follow)
                calls += noted
            if parts and not parts[-1].follow and (parts[-1].calls is None) == (part.calls is None):
                part = parts.pop().with_next(part)
            parts.append(part)
            number = last - 1
        try:
            return parts, CallTable(calls)
        except UnsuitableCallError:
            return [_BackwardPart(len(net.steps) - 1, 0, None, [])], None

    def _run_noted(self, net: Net, chains: dict[int, PooledConvolution], number: int, last: int) -> list:
        """Run steps ``number`` down to ``last``, a chain or the one step, backward; returns the calls."""
        with noted_calls() as noted:
            if last < number:
                chains[number].backward()
            else:
                net.run_steps_backward(number, number)
        return noted

    def _repeat(self, net: Net, after, parts: list[_BackwardPart], table: CallTable | None) -> None:
        state = self._state
        for first, last, calls, opened, follow in parts:
            if calls is None:
                net.run_steps_backward(first, last, after)
                if _state() != state:
                    net.run_steps_backward(last - 1, 0, after)
                    return
                continue
            if not table.run(*calls):
                raise MemoryError("a kernel found no memory for its working space")
            for memory in opened:
                memory.stale = False
            if follow:
                after[last]()


def _append(parts: list[_Part], first: int, last: int, calls: tuple[int, int] | None) -> None:
    """Add steps ``first … last``, to the last part if it is of the same kind."""
    if parts and (parts[-1].calls is None) == (calls is None):
        part = parts.pop()
        parts.append(_Part(part.first, last, calls and (part.calls[0], calls[1])))
    else:
        parts.append(_Part(first, last, calls))
