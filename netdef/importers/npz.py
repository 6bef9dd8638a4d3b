"""NumPy's ``.npz`` files: arrays by name, in the order in which they were saved."""

from __future__ import annotations

import re
import zipfile

import numpy as np

from netdef.errors import Location, WeightsError
from netdef.importers.layouts import from_channels_last
from netdef.importers.source import BETA, BIAS, GAMMA, MEAN, VARIANCE, WEIGHT, Tensor, Unit

LAYOUTS = ("caffe", "keras")
_NAME = re.compile(r"(?P<layer>.*?)[./_]?(?P<last>(?:running_|moving_)?[A-Za-z]+)(?::0)?")
_ROLES = {
    **dict.fromkeys(("weight", "weights", "W", "w", "kernel", "alpha"), WEIGHT),
    **dict.fromkeys(("bias", "biases", "b", "B"), BIAS),
    **dict.fromkeys(("gamma", "scale"), GAMMA),
    **dict.fromkeys(("beta", "shift", "offset"), BETA),
    **dict.fromkeys(("mean", "running_mean", "moving_mean"), MEAN),
    **dict.fromkeys(("var", "variance", "running_var", "moving_var", "moving_variance"), VARIANCE),
}


def read_npz(path: str, layout: str = "caffe") -> list[Unit]:
    """The arrays of a file, grouped by what stands before ``.weight``, ``/kernel``, ``_b`` and the like.

    A name that ends otherwise makes a group of one, without a role. ``layout``: ``caffe``, which PyTorch shares, or
    ``keras``: kernels ``(H, W, I, O)``, dense weights ``(I, O)``, also where names tell nothing. Raises WeightsError
    for a file that is none.
    """
    units: dict[str, Unit] = {}
    for name, array in _arrays(path).items():
        match = _NAME.fullmatch(name)
        role = _ROLES.get(match.group("last"), "") if match else ""
        key = match.group("layer") if role else name
        tensor = Tensor(name, array, role)
        if layout == "keras":
            tensor = from_channels_last(name, array, role or WEIGHT)
            tensor.role = role
        units.setdefault(key, Unit(key)).tensors.append(tensor)
    for unit in units.values():
        _name_batch_norm(unit)
    return list(units.values())


def _name_batch_norm(unit: Unit) -> None:
    """What stands beside a mean and a variance is the scale and the shift of a batch normalization."""
    if unit.get(MEAN) and unit.get(VARIANCE):
        for tensor in unit.tensors:
            tensor.role = {WEIGHT: GAMMA, BIAS: BETA}.get(tensor.role, tensor.role)


def _arrays(path: str) -> dict[str, np.ndarray]:
    try:
        with open(path, "rb") as content:
            loaded = np.load(content, allow_pickle=False)
            if isinstance(loaded, np.ndarray):
                raise _fail(path, "is one array; expected an .npz file. Save it with np.savez.")
            found = {name: loaded[name] for name in loaded.files}
    except OSError as error:
        raise _fail(path, f"cannot be read: {error.strerror or 'it is damaged'}. Correct the path.") from error
    except (ValueError, EOFError, zipfile.BadZipFile) as error:
        raise _fail(path, "is no .npz file of numbers. Save it with np.savez.") from error
    for name, array in found.items():
        if array.dtype.kind not in "fiu":
            raise _fail(path, f'array "{name}" holds {array.dtype}; expected numbers. Leave it out.')
    if not found:
        raise _fail(path, "holds no array. Save it with np.savez.")
    return {name: array.astype(np.float32) for name, array in found.items()}


def _fail(path: str, message: str) -> WeightsError:
    return WeightsError(message, location=Location(path))
