"""Forward passes that are noted once and then repeated.

Most layers' forward passes are calls of kernels whose arguments stay as long as shapes, memory and threads stay.
A net notes them in its second pass of such a kind; from the third on they run one after another without a word of
Python in between. Whatever a user does to values between two passes counts in the next one, as ever.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from netdef.blob import Memory
from netdef.chains import find_chains
from netdef.kernels._jit import has_threads, num_threads
from netdef.kernels.calls import CAN_REPEAT, CallTable, UnsuitableCallError, noted_calls

if TYPE_CHECKING:
    from netdef.net import Net


class _Part(NamedTuple):
    """Steps ``first … last`` of the net, both included, with the range of their calls, or None to run them."""

    first: int
    last: int
    calls: tuple[int, int] | None


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


def _append(parts: list[_Part], first: int, last: int, calls: tuple[int, int] | None) -> None:
    """Add steps ``first … last``, to the last part if it is of the same kind."""
    if parts and (parts[-1].calls is None) == (calls is None):
        part = parts.pop()
        parts.append(_Part(part.first, last, calls and (part.calls[0], calls[1])))
    else:
        parts.append(_Part(first, last, calls))
