"""Which array of a source goes to which parameter of a net, in which form; what does not fit is told all at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import prod

import numpy as np

from netdef.importers.source import BETA, BIAS, GAMMA, MEAN, VARIANCE, WEIGHT, Tensor, Unit
from netdef.importers.targets import FACTOR, Slot, Target, flattened_image
from netdef.net import Net

_ALSO_CALLED = {GAMMA: WEIGHT, BETA: BIAS}
_NORM_ORDER = (GAMMA, BETA, MEAN, VARIANCE)  # of a batch normalization in PyTorch and Keras
_NEUTRAL = {FACTOR: 1.0, GAMMA: 1.0, BETA: 0.0}  # what stands where a batch normalization has no such array


@dataclass
class Match:
    """``placed``: the parameter, the array in its shape, and the tensor that it comes from, None for a constant."""

    placed: list[tuple[Slot, np.ndarray, Tensor | None]] = field(default_factory=list)
    mismatches: list[str] = field(default_factory=list)

    def place(self, net: Net, tensor: Tensor, slot: Slot) -> None:
        array = fit(net, tensor, slot)
        if array is None:
            found, expected = tensor.found_shape, slot.shape
            self.mismatches.append(
                f"{tensor.name} has shape {found}; {slot.name} ({slot.step.node.type}) has {expected}"
            )
        else:
            self.placed.append((slot, array, tensor))


def match_in_order(net: Net, units: Sequence[Unit], targets: Sequence[Target]) -> Match:
    """The first layer of the source to the first of the net, and so on; array by array where roles are missing."""
    match = Match()
    if any(not tensor.role for unit in units for tensor in unit.tensors):
        _match_arrays(net, match, units, targets)
        return match
    for unit, target in zip(units, targets):
        match_unit(net, match, unit, target)
    for unit in units[len(targets) :]:
        match.mismatches.append(f'"{unit.name}" of the source has no layer left in the net')
    for target in targets[len(units) :]:
        match.mismatches.append(f'"{target.name}" ({target.slots[0].step.node.type}) has no layer left in the source')
    return match


def _match_arrays(net: Net, match: Match, units: Sequence[Unit], targets: Sequence[Target]) -> None:
    tensors = [tensor for unit in units for tensor in unit.tensors]
    wanted = [slot for target in targets for slot in target.slots]
    if len(tensors) != len(wanted):  # else they have factors too, as only Caffe's own have, and are in its order
        match.placed += [(slot, np.ones(slot.shape, np.float32), None) for slot in wanted if slot.role == FACTOR]
        wanted = [slot for target in targets for slot in _elsewhere(target)]
    for tensor, slot in zip(tensors, wanted):
        match.place(net, tensor, slot)
    match.mismatches += [
        f"{tensor.name} of the source has no parameter left in the net" for tensor in tensors[len(wanted) :]
    ]
    match.mismatches += [f"{slot.name} has no array left in the source" for slot in wanted[len(tensors) :]]


def _elsewhere(target: Target) -> list[Slot]:
    """A layer's parameters in the order in which other programs list them."""
    slots = [slot for slot in target.slots if slot.role != FACTOR]
    return sorted(slots, key=lambda slot: _NORM_ORDER.index(slot.role)) if target.is_batch_norm else slots


def match_unit(net: Net, match: Match, unit: Unit, target: Target) -> None:
    """The arrays of one layer to the parameters of one layer, by their roles."""
    left = list(unit.tensors)
    for slot in target.slots:
        tensor = unit.get(slot.role) or unit.get(_ALSO_CALLED.get(slot.role, slot.role))
        if tensor is not None and tensor in left:
            left.remove(tensor)
            match.place(net, tensor, slot)
        elif target.is_batch_norm and slot.role in _NEUTRAL:
            match.placed.append((slot, np.full(slot.shape, _NEUTRAL[slot.role], np.float32), None))
        else:
            role = f"a {slot.role}" if slot.role else "an array"
            match.mismatches.append(f'{slot.name} ({slot.step.node.type}) needs {role}; "{unit.name}" has none')
    match.mismatches += [
        f'{tensor.name} has no place in "{target.name}" ({target.slots[0].step.node.type})' for tensor in left
    ]
    check_epsilon(match, unit, target)


def check_epsilon(match: Match, unit: Unit, target: Target) -> None:
    """What is added to the variance must be the same on both sides."""
    if unit.epsilon is None or target.epsilon is None:
        return
    if not np.isclose(unit.epsilon, target.epsilon, rtol=1e-5, atol=0):
        match.mismatches.append(
            f'"{unit.name}" adds {unit.epsilon:g} to the variance; batch_norm_param of "{target.name}" has '
            f"eps: {target.epsilon:g}"
        )


def fit(net: Net, tensor: Tensor, slot: Slot) -> np.ndarray | None:
    """The array in the parameter's shape and order, or None where it does not fit.

    Dense weights take the rows of their columns from height, width, channels to channels, height, width where they
    read an image; a convolution over a whole image and a dense layer may stand for each other; ``(C)`` may be
    ``(1, C, 1, 1)``.
    """
    array = tensor.array
    is_product = slot.step.node.type == "InnerProduct" and slot.role == WEIGHT
    if is_product and slot.step.layer.param.inner_product_param.transpose:
        plain = Slot(slot.step, slot.index, slot.shape[::-1], "")
        turned = _from_rows(tensor, flattened_image(net, slot.step))
        fitted = _reshaped(turned, plain.shape)
        return None if fitted is None else np.ascontiguousarray(fitted.T)
    if is_product:
        array = _from_rows(tensor, flattened_image(net, slot.step))
    elif slot.role == WEIGHT and len(slot.shape) == 4:
        array = _from_rows(tensor, slot.shape[1:])
    return _reshaped(array, slot.shape)


def _from_rows(tensor: Tensor, image: tuple[int, ...] | None) -> np.ndarray:
    """Dense weights ``(O, H W C)`` as ``(O, C H W)``, where that is how the source reads an image."""
    array = tensor.array
    if tensor.rows_of != "hwc" or image is None or array.ndim != 2 or array.shape[1] != prod(image):
        return array
    channels, *sizes = image
    rows = array.reshape(len(array), *sizes, channels)
    return np.ascontiguousarray(np.moveaxis(rows, -1, 1)).reshape(array.shape)


def _reshaped(array: np.ndarray, shape: tuple[int, ...]) -> np.ndarray | None:
    if array.size != prod(shape):
        return None
    long = [size for size in array.shape if size > 1]
    same = array.shape == shape or long == [size for size in shape if size > 1]
    rows = array.ndim > 1 and len(shape) > 1 and array.shape[0] == shape[0] and 2 in (array.ndim, len(shape))
    return np.ascontiguousarray(array.reshape(shape), np.float32) if same or rows else None
