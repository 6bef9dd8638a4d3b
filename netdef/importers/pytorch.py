"""PyTorch's files: a ``state_dict``, or a TorchScript archive, which can also be run.

Source: docs of torch.save, torch.load and torch.jit.save; torch/nn/modules/{conv,linear,batchnorm}.py for the layouts,
which are Caffe's.
"""

from __future__ import annotations

import os
import pickle
import zipfile
from types import ModuleType
from typing import Any

import numpy as np

from netdef.errors import Location, WeightsError
from netdef.importers.recurrent import is_recurrent, pytorch_refusal, pytorch_units
from netdef.importers.source import BETA, BIAS, GAMMA, MEAN, VARIANCE, WEIGHT, Tensor, Unit

_ROLES = {"weight": WEIGHT, "bias": BIAS, "running_mean": MEAN, "running_var": VARIANCE}
_BATCH_NORM_ROLES = {**_ROLES, "weight": GAMMA, "bias": BETA}
_COUNTER = "num_batches_tracked"
_WRAPPINGS = ("state_dict", "model_state_dict", "model")  # how checkpoints call what is looked for


def read_pytorch(path: str) -> list[Unit]:
    """The layers of a ``.pt`` or ``.pth`` file in the order in which the module made them.

    Only tensors are read, never code. Raises WeightsError where torch is missing or the file holds something else.
    """
    torch = load_torch(path)
    if is_torchscript(path):
        return units_of({name: _numpy(value) for name, value in load_module(path).state_dict().items()}, path)
    try:
        found = torch.load(path, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError, ValueError, KeyError) as error:
        raise _fail(
            path,
            "is no state_dict that can be read without running code from it. Save it with "
            'torch.save(model.state_dict(), "model.pt"), or the model as TorchScript with torch.jit.',
        ) from error
    for wrapping in _WRAPPINGS:
        if isinstance(found, dict) and isinstance(found.get(wrapping), dict):
            found = found[wrapping]
    tensors = {str(name): _numpy(value) for name, value in found.items() if torch.is_tensor(value)} if (
        isinstance(found, dict)
    ) else {}  # fmt: skip
    if not tensors:
        raise _fail(path, f"holds {_kind(found)} without tensors; expected a state_dict. Save model.state_dict().")
    return units_of(tensors, path)


def units_of(tensors: dict[str, np.ndarray], path: str) -> list[Unit]:
    """Arrays by the names of a state_dict (``layer.weight``, ``layer.running_mean``), grouped by layer.

    Raises WeightsError, for the file ``path``, where there are recurrent layers that are no plain LSTM.
    """
    groups: dict[str, dict[str, np.ndarray]] = {}
    for name, array in tensors.items():
        layer, _, last = name.rpartition(".")
        if last != _COUNTER:
            groups.setdefault(layer, {})[last] = array
    recurrent = {layer: pytorch_refusal(arrays) for layer, arrays in groups.items() if is_recurrent(arrays)}
    refused = [f'"{layer}" ({words})' for layer, words in recurrent.items() if words]
    if refused:
        raise _fail(
            path,
            f"has recurrent layers whose values cannot be taken over: {', '.join(refused)}; expected LSTM of one "
            "direction without a projection. Train such a layer anew.",
        )
    units = []
    for layer, arrays in groups.items():
        if layer in recurrent:
            units += pytorch_units(layer, arrays)
            continue
        roles = _BATCH_NORM_ROLES if "running_mean" in arrays else _ROLES
        names = {last: f"{layer}.{last}" if layer else last for last in arrays}
        units.append(Unit(layer, [Tensor(names[last], array, roles.get(last, "")) for last, array in arrays.items()]))
    return units


def run_module(path: str, batches: list[np.ndarray]) -> list[np.ndarray]:
    """What the TorchScript module in ``path`` answers to ``batches``, float32 ``(N, C, H, W)``, in evaluation mode."""
    torch = load_torch(path)
    module = load_module(path)
    module.eval()
    try:
        with torch.no_grad():
            answer = module(*map(torch.from_numpy, batches))
    except RuntimeError as error:
        reason = str(error).strip().split("\n")[-1].rstrip(".")
        shapes = ", ".join(str(batch.shape) for batch in batches)
        raise _fail(path, f"cannot run on an input of shape {shapes} ({reason}). Correct the net's input.") from error
    answers = answer if isinstance(answer, (tuple, list)) else [answer]
    for each in answers:
        if not torch.is_tensor(each):
            raise _fail(path, f"answers with {_kind(each)}; expected tensors. Save a module that gives them.")
    return [_numpy(each) for each in answers]


def load_module(path: str) -> Any:
    """The TorchScript module in a file."""
    torch = load_torch(path)
    try:
        return torch.jit.load(path, map_location="cpu")
    except (RuntimeError, ValueError) as error:
        raise _fail(
            path, 'is no TorchScript archive. Make it with torch.jit.trace(model, example).save("it.pt").'
        ) from error


def is_torchscript(path: str) -> bool:
    """Whether a file is a zip with code in it."""
    if not zipfile.is_zipfile(path):
        return False
    with zipfile.ZipFile(path) as archive:
        return any(name.endswith("/constants.pkl") for name in archive.namelist())


def load_torch(path: str) -> ModuleType:
    """The module torch. Raises WeightsError where it is missing, and for a file that cannot be opened."""
    try:
        import torch
    except ImportError as error:
        raise _fail(
            path,
            "is read by PyTorch, which is not installed. Install torch, or save the values as a NumPy file there and "
            "use netdef import npz.",
        ) from error
    try:
        with open(path, "rb"):
            return torch
    except OSError as error:
        raise _fail(path, f"cannot be read: {error.strerror}. Correct the path.") from error


def _numpy(tensor: Any) -> np.ndarray:
    return tensor.detach().to("cpu").float().numpy()


def _kind(value: Any) -> str:
    return f"a {type(value).__name__}"


def _fail(path: str, message: str) -> WeightsError:
    return WeightsError(message, location=Location(os.fspath(path)))
