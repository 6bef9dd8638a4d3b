"""LSTM layers of PyTorch and Keras, as Caffe has them.

All three compute the same. Caffe's rows are those of the gates i, f, o and of the input g; PyTorch and Keras put g
before o. PyTorch has two biases, which are added up. Source: torch/nn/modules/rnn.py, keras/src/layers/rnn/lstm.py.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import numpy as np

from netdef.importers.source import BIAS, RECURRENT, WEIGHT, Tensor, Unit

_GATES = [0, 1, 3, 2]  # i, f, o, g of i, f, g, o
_KINDS = {1: "RNN", 3: "GRU"}  # by how many times there are as many rows as hidden values
_NAME = re.compile(r"(weight|bias)_(ih|hh|hr)(?:_l(\d+))?(_reverse)?")


def is_recurrent(names: Mapping[str, Any]) -> bool:
    """Whether these are the arrays of an LSTM, a GRU or an RNN of PyTorch, or of one of its cells."""
    return any(re.match("weight_hh", name) for name in names)


def pytorch_refusal(arrays: Mapping[str, np.ndarray]) -> str:
    """What a recurrent layer of PyTorch is that netdef's LSTM is not, or ""."""
    parts = [_NAME.fullmatch(name) for name in arrays]
    if not all(parts):
        return "a recurrent layer with other arrays"
    if any(part[4] for part in parts):
        return "of two directions"
    if any(part[2] == "hr" for part in parts):
        return "LSTM with a projection"
    rows, hidden = next(array.shape for name, array in arrays.items() if name.startswith("weight_hh"))
    return "" if rows == 4 * hidden else _KINDS.get(rows // hidden, "a recurrent layer of another kind")


def pytorch_units(layer: str, arrays: Mapping[str, np.ndarray]) -> list[Unit]:
    """One unit for each of the LSTM's layers, called ``layer``, or where there are several ``layer.l0`` and so on."""
    stages: dict[str, dict[str, str]] = {}
    for name in arrays:
        part = _NAME.fullmatch(name)
        stages.setdefault(part[3] or "", {})[f"{part[1]}_{part[2]}"] = name
    units = []
    for number, names in stages.items():
        full = {key: f"{layer}.{name}" if layer else name for key, name in names.items()}
        biases = [key for key in ("bias_ih", "bias_hh") if key in names]
        bias = sum((arrays[names[key]] for key in biases), np.zeros(len(arrays[names["weight_hh"]]), np.float32))
        unit_name = f"{layer}.l{number}" if len(stages) > 1 else layer
        words = " + ".join(full[key] for key in biases) or f"{unit_name}: no bias"
        units.append(Unit(unit_name, [
            Tensor(full["weight_ih"], turn_gates(arrays[names["weight_ih"]]), WEIGHT),
            Tensor(words, turn_gates(bias), BIAS),
            Tensor(full["weight_hh"], turn_gates(arrays[names["weight_hh"]]), RECURRENT),
        ]))  # fmt: skip
    return units


def keras_refusal(settings: Mapping[str, Any]) -> str:
    """What an LSTM of Keras has that netdef's has not, or ""."""
    for key, expected in (("activation", "tanh"), ("recurrent_activation", "sigmoid")):
        found = settings.get(key, expected)
        if found != expected:
            return f'{key} "{found}"'
    return "go_backwards" if settings.get("go_backwards") else ""


def keras_unit(name: str, arrays: list[np.ndarray]) -> Unit:
    """Kernel ``(I, 4 D)``, recurrent kernel ``(D, 4 D)`` and, if there is one, bias ``(4 D)``."""
    kernel, recurrent, *rest = arrays
    bias = rest[0] if rest else np.zeros(kernel.shape[1], np.float32)
    return Unit(name, [
        Tensor(f"{name}/kernel", turn_gates(kernel.T), WEIGHT, kernel.shape),
        Tensor(f"{name}/bias" if rest else f"{name}: no bias", turn_gates(bias), BIAS),
        Tensor(f"{name}/recurrent_kernel", turn_gates(recurrent.T), RECURRENT, recurrent.shape),
    ])  # fmt: skip


def turn_gates(array: np.ndarray) -> np.ndarray:
    """Rows of i, f, g, o as rows of i, f, o, g."""
    return np.ascontiguousarray(array.reshape(4, -1, *array.shape[1:])[_GATES].reshape(array.shape), np.float32)
