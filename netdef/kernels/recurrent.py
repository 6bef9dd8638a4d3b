"""Recurrent layers over T steps of N streams: the cell of an LSTM, and plans that run whole sequences.

Arrays of all steps are (T, N, D); ``cont`` is (T, N): the state before step t is multiplied by ``cont[t, n]``, so 0
starts a sequence anew. Products of all steps at once are matrix products of (T * N) rows. All arrays are flat.
Source: Caffe src/caffe/layers/{lstm,lstm_unit,rnn}_layer.cpp.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from netdef.kernels._jit import kernel
from netdef.kernels.exponential import sigmoid, tanh
from netdef.kernels.inner_product import InnerProductPlan, add_column_sums
from netdef.kernels.scale import multiply_by_scale

__all__ = ["LstmPlan", "RecurrentBlobs", "RnnPlan", "lstm_unit_backward", "lstm_unit_forward"]


@kernel
def lstm_unit_forward(cell, gate_input, cont, size, gates, next_cell, hidden):
    """One step: ``c' = cont f c + i g``, ``h = o tanh(c')`` with i, f, o the sigmoids and g the tanh of ``gate_input``.

    ``gate_input`` and ``gates`` are (N, 4, size), in the order i, f, o, g; ``gates`` keeps ``cont f`` as f, 0 where
    cont is 0. ``cell``, ``next_cell``, ``hidden`` are (N, size).
    """
    zero = cell.dtype.type(0)
    for n in range(cont.size):
        kept = cont[n]
        for start in range(n * 4 * size, (n + 1) * 4 * size, size):
            source, target = gate_input[start : start + size], gates[start : start + size]
            if start == (n * 4 + 3) * size:
                for d in range(size):
                    target[d] = tanh(source[d])
            elif start == (n * 4 + 1) * size:
                for d in range(size):
                    target[d] = zero if kept == 0 else kept * sigmoid(source[d])
            else:
                for d in range(size):
                    target[d] = sigmoid(source[d])
        first = gates[n * 4 * size : (n * 4 + 1) * size]
        forget = gates[(n * 4 + 1) * size : (n * 4 + 2) * size]
        last = gates[(n * 4 + 2) * size : (n * 4 + 3) * size]
        entry = gates[(n * 4 + 3) * size : (n * 4 + 4) * size]
        before, after = cell[n * size : (n + 1) * size], next_cell[n * size : (n + 1) * size]
        out = hidden[n * size : (n + 1) * size]
        for d in range(size):
            after[d] = forget[d] * before[d] + first[d] * entry[d]
        for d in range(size):
            out[d] = last[d] * tanh(after[d])


@kernel
def lstm_unit_backward(cell, gates, next_cell, size, next_cell_diff, hidden_diff, cell_diff, gate_input_diff):
    """The gradients of `lstm_unit_forward`; ``cell_diff`` may be ``next_cell_diff``.

    With f standing for ``cont f``, its derivative is taken as ``f (1 - f)`` (lstm_unit_layer.cpp:111), which is right
    where cont is 0 or 1.
    """
    one = cell.dtype.type(1)
    for place in range(cell.size):
        base = place // size * 4 * size + place % size
        i, f, o, g = gates[base], gates[base + size], gates[base + 2 * size], gates[base + 3 * size]
        squashed = tanh(next_cell[place])
        diff = next_cell_diff[place] + hidden_diff[place] * o * (one - squashed * squashed)
        gate_input_diff[base] = diff * g * i * (one - i)
        gate_input_diff[base + size] = diff * cell[place] * f * (one - f)
        gate_input_diff[base + 2 * size] = hidden_diff[place] * squashed * o * (one - o)
        gate_input_diff[base + 3 * size] = diff * i * (one - g * g)
        cell_diff[place] = diff * f


@kernel
def add_gate_inputs(recurrent, shared, still, gate_input):
    """``gate_input = recurrent + shared + still``, in that order; ``still`` is empty where there is none."""
    for i in range(gate_input.size):
        value = recurrent[i] + shared[i]
        gate_input[i] = value + still[i] if still.size else value


@kernel
def tanh_forward(source, target):
    """``target = tanh(source)``; they may be one array."""
    for i in range(source.size):
        target[i] = tanh(source[i])


@kernel
def tanh_backward(diff, extra, value, target):
    """``target = (diff + extra) (1 - value^2)``; ``extra`` may be empty, ``target`` may be ``diff``."""
    one = value.dtype.type(1)
    for i in range(value.size):
        total = diff[i] + extra[i] if extra.size else diff[i]
        target[i] = total * (one - value[i] * value[i])


@kernel
def add_steps(values, target):
    """``target[i] = sum_t values[t, i]``, the last step first."""
    for i in range(target.size):
        target[i] = 0
    for start in range(values.size - target.size, -1, -target.size):
        for i in range(target.size):
            target[i] += values[start + i]


@dataclass
class RecurrentBlobs:
    """The parameters of a recurrent layer, flat, or their gradients (None: not wanted, or there is none)."""

    input: np.ndarray | None
    bias: np.ndarray | None
    hidden: np.ndarray | None
    still: np.ndarray | None = None
    output: np.ndarray | None = None
    output_bias: np.ndarray | None = None


class _Recurrence:
    """What LSTM and RNN share: the products with the inputs, and with the state before each step.

    ``inputs`` and ``still_inputs`` are the values of one item of x and of x_static (0: there is none), ``size`` is
    D, ``rows`` the rows of the weights, in multiples of ``size``.
    """

    def __init__(self, steps, streams, inputs, still_inputs, size, rows, dtype, scratch: Callable) -> None:
        self.steps, self.streams, self.size = steps, streams, size
        self.count, self.width = streams * size, streams * size * rows
        self.scratch = scratch
        self.empty = np.zeros(0, dtype)
        outputs = rows * size
        self.inputs = InnerProductPlan(steps * streams, inputs, outputs, False, dtype)
        self.stills = InnerProductPlan(streams, still_inputs, outputs, False, dtype) if still_inputs else None
        self.step = InnerProductPlan(streams, size, outputs, False, dtype)
        self.all_steps = InnerProductPlan(steps * streams, size, outputs, False, dtype)

    def array(self, name: str, count: int, steps: int | None = None) -> np.ndarray:
        return self.scratch(name, (count,) if steps is None else (steps, count))

    def transform_inputs(self, bottom, still, weights: RecurrentBlobs) -> None:
        shared = self.array("shared", self.width, self.steps)
        self.inputs.forward(bottom, weights.input, weights.bias, shared.reshape(-1))
        if self.stills is not None:
            self.stills.forward(still, weights.still, None, self.array("still", self.width))

    def gate_input(self, t: int, hidden, cont, weights: RecurrentBlobs) -> np.ndarray:
        """What enters the gates at step ``t``; ``hidden`` is the state before it."""
        conted = self.array("conted", self.count, self.steps)[t]
        multiply_by_scale.serial(hidden, cont[t * self.streams : (t + 1) * self.streams], self.size, conted)
        recurrent, gate_input = self.array("recurrent", self.width), self.array("gate_input", self.width)
        self.step.forward(conted, weights.hidden, None, recurrent)
        still = self.empty if self.stills is None else self.array("still", self.width)
        add_gate_inputs(recurrent, self.array("shared", self.width, self.steps)[t], still, gate_input)
        return gate_input

    def hidden_diff(self, t: int, cont, weights: RecurrentBlobs, gate_diff) -> np.ndarray:
        """The gradient of the state before step ``t``."""
        diff = self.array("hidden_diff", self.count)
        self.step.backward_data(gate_diff, weights.hidden, diff)
        multiply_by_scale.serial(diff, cont[t * self.streams : (t + 1) * self.streams], self.size, diff)
        return diff

    def add_gradients(self, bottom, still, weights, diffs: RecurrentBlobs, bottom_diff, still_diff) -> None:
        """All that follows from the gradients of the gates' inputs, which are in ``gate_diff``."""
        gate_diff = self.array("gate_diff", self.width, self.steps).reshape(-1)
        if diffs.input is not None:
            self.inputs.backward_weight(bottom, gate_diff, diffs.input)
        if diffs.bias is not None:
            add_column_sums(gate_diff, diffs.bias)
        if diffs.hidden is not None:
            conted = self.array("conted", self.count, self.steps).reshape(-1)
            self.all_steps.backward_weight(conted, gate_diff, diffs.hidden)
        if bottom_diff is not None:
            self.inputs.backward_data(gate_diff, weights.input, bottom_diff)
        if self.stills is None or (diffs.still is None and still_diff is None):
            return
        total = self.array("still", self.width)
        add_steps(gate_diff, total)
        if diffs.still is not None:
            self.stills.backward_weight(still, total, diffs.still)
        if still_diff is not None:
            self.stills.backward_data(total, weights.still, still_diff)


class LstmPlan(_Recurrence):
    """An LSTM layer's calls for sequences of ``steps`` steps in ``streams`` streams."""

    def __init__(self, steps, streams, inputs, still_inputs, size, dtype, scratch: Callable) -> None:
        super().__init__(steps, streams, inputs, still_inputs, size, 4, dtype, scratch)

    def forward(self, bottom, cont, still, weights: RecurrentBlobs, states, top) -> None:
        """``top``, the hidden states of all steps; ``states`` (hidden, cell) become those after the last one."""
        self.transform_inputs(bottom, still, weights)
        cells = self.array("cells", self.count, self.steps + 1)
        gates = self.array("gates", self.width, self.steps)
        hidden, cells[0] = states[0], states[1]
        for t in range(self.steps):
            gate_input = self.gate_input(t, hidden, cont, weights)
            hidden = top[t * self.count : (t + 1) * self.count]
            now = cont[t * self.streams : (t + 1) * self.streams]
            lstm_unit_forward(cells[t], gate_input, now, self.size, gates[t], cells[t + 1], hidden)
        states[0][...], states[1][...] = hidden, cells[-1]

    def backward(self, bottom, cont, still, weights, diffs, top_diff, bottom_diff, still_diff) -> None:
        """Add to ``diffs``; overwrite ``bottom_diff`` and ``still_diff``, which may be None."""
        cells = self.array("cells", self.count, self.steps + 1)
        gates = self.array("gates", self.width, self.steps)
        gate_diff = self.array("gate_diff", self.width, self.steps)
        cell_diff, hidden_diff = self.array("cell_diff", self.count), self.array("step_diff", self.count)
        cell_diff[...] = 0
        hidden_diff[...] = top_diff[(self.steps - 1) * self.count :]
        for t in range(self.steps - 1, -1, -1):
            lstm_unit_backward(
                cells[t], gates[t], cells[t + 1], self.size, cell_diff, hidden_diff, cell_diff, gate_diff[t]
            )
            if t:
                earlier = self.hidden_diff(t, cont, weights, gate_diff[t])
                np.add(top_diff[(t - 1) * self.count : t * self.count], earlier, hidden_diff)
        self.add_gradients(bottom, still, weights, diffs, bottom_diff, still_diff)


class RnnPlan(_Recurrence):
    """An RNN layer's calls for sequences of ``steps`` steps in ``streams`` streams."""

    def __init__(self, steps, streams, inputs, still_inputs, size, dtype, scratch: Callable) -> None:
        super().__init__(steps, streams, inputs, still_inputs, size, 1, dtype, scratch)

    def forward(self, bottom, cont, still, weights: RecurrentBlobs, states, top) -> None:
        """``top``, the outputs of all steps; ``states`` (hidden,) becomes that after the last one."""
        self.transform_inputs(bottom, still, weights)
        hiddens = self.array("hiddens", self.count, self.steps)
        hidden = states[0]
        for t in range(self.steps):
            tanh_forward(self.gate_input(t, hidden, cont, weights), hiddens[t])
            hidden = hiddens[t]
        outputs = self.array("outputs", self.steps * self.count)  # a later layer may change the top in place
        self.all_steps.forward(hiddens.reshape(-1), weights.output, weights.output_bias, outputs)
        tanh_forward(outputs, outputs)
        top[...] = outputs
        states[0][...] = hidden

    def backward(self, bottom, cont, still, weights, diffs, top_diff, bottom_diff, still_diff) -> None:
        """Add to ``diffs``; overwrite ``bottom_diff`` and ``still_diff``, which may be None."""
        hiddens = self.array("hiddens", self.count, self.steps)
        output_diff = self.array("output_diff", self.count, self.steps)
        hidden_diffs = self.array("hidden_diffs", self.count, self.steps)
        gate_diff = self.array("gate_diff", self.width, self.steps)
        flat_diff = output_diff.reshape(-1)
        tanh_backward(top_diff, self.empty, self.array("outputs", self.steps * self.count), flat_diff)
        if diffs.output is not None:
            self.all_steps.backward_weight(hiddens.reshape(-1), flat_diff, diffs.output)
        if diffs.output_bias is not None:
            add_column_sums(flat_diff, diffs.output_bias)
        self.all_steps.backward_data(flat_diff, weights.output, hidden_diffs.reshape(-1))
        later = self.empty
        for t in range(self.steps - 1, -1, -1):
            tanh_backward(hidden_diffs[t], later, hiddens[t], gate_diff[t])
            if t:
                later = self.hidden_diff(t, cont, weights, gate_diff[t])
        self.add_gradients(bottom, still, weights, diffs, bottom_diff, still_diff)
