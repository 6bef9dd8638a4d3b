"""What layers say and work out about blobs and axes: names, shapes from fields, one blob laid over another."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import prod

from netdef.blob import MAX_ELEMENTS, Blob
from netdef.layer import Layer

MAX_AXES = 32  # blob.hpp:11, kMaxBlobAxes


def bottom_name(layer: Layer, index: int) -> str:
    """``bottom "conv1"`` for a message, or ``bottom 0`` where the definition names none."""
    names = layer.param.bottom
    return f'bottom "{names[index]}"' if index < len(names) else f"bottom {index}"


def canonical_axis(layer: Layer, axis: int, blob: Blob, field: str) -> int:
    """``axis`` of ``blob``, bottom 0, counted from the front; LayerError at ``field`` where there is no such axis."""
    axes = len(blob.shape)
    if not -axes <= axis < axes:
        name = field.rpartition(".")[2]
        least = 0 if name.endswith("_dim") else -axes  # concat_dim and slice_dim are unsigned
        expected = f"{name} must be from {least} to {axes - 1}. Name an axis that it has."
        layer.fail(
            f"{name} is {axis} but {bottom_name(layer, 0)} has shape {blob.shape}; "
            + (expected if axes else "a scalar has no axes. Reshape it."),
            field,
        )
    return axis % axes


def refuse_in_place(layer: Layer, bottom: list[Blob], top: list[Blob]) -> None:
    """LayerError where a top is also a bottom."""
    for blob in top:
        for index, source in enumerate(bottom):
            if blob is source:
                layer.fail_in_place(index)


def covered_shape(layer: Layer, blob: Blob, axis: int, num_axes: int, message: str) -> tuple[int, ...]:
    """Shape of a learned blob that covers ``num_axes`` axes of ``bottom[0]`` from ``axis`` on.

    ``num_axes`` -1 is all of them and 0 a scalar. ``message`` is the field that holds axis and num_axes:
    ``"scale_param"``. Source: Caffe scale_layer.cpp:17-32, bias_layer.cpp:17-31.
    """
    start = canonical_axis(layer, axis, blob, f"{message}.axis")
    if num_axes < -1:
        layer.fail(
            f"num_axes is {num_axes}; it must be 0 or more, or -1 for all axes from axis on. Raise it.",
            f"{message}.num_axes",
        )
    if start + num_axes > len(blob.shape):
        layer.fail(
            f"num_axes is {num_axes} from axis {start} on, but {bottom_name(layer, 0)} has shape {blob.shape}; "
            f"num_axes must be at most {len(blob.shape) - start} there. Lower num_axes or axis.",
            f"{message}.num_axes",
        )
    return blob.shape[start:] if num_axes == -1 else blob.shape[start : start + num_axes]


def laid_over(layer: Layer, bottom: list[Blob], shape: tuple[int, ...], axis: int, field: str) -> tuple[int, int]:
    """``(outer, inner)`` counts around a blob of ``shape`` that is laid over ``bottom[0]`` from ``axis`` on.

    ``axis`` has no meaning for a scalar. Source: Caffe scale_layer.cpp:72-92, bias_layer.cpp:44-60.
    """
    start = canonical_axis(layer, axis, bottom[0], field) if shape else 0
    covered = bottom[0].shape[start : start + len(shape)]
    if covered != shape:
        label = bottom_name(layer, 1) if len(bottom) > 1 else "the learned blob"
        layer.fail(
            f"{label} has shape {shape} but {bottom_name(layer, 0)} has shape {bottom[0].shape}, "
            f"which is {covered} from axis {start} on; the two must be equal. Correct axis or the shapes.",
            field,
        )
    return prod(bottom[0].shape[:start]), prod(bottom[0].shape[start + len(shape) :])


def blob_shape(layer: Layer, dims: Iterable[int], field: str) -> tuple[int, ...]:
    """``dims`` as a shape; LayerError at ``field`` where no blob can have it (blob.cpp:22-37)."""
    shape = tuple(int(size) for size in dims)
    if len(shape) > MAX_AXES:
        layer.fail(f"a blob of {len(shape)} axes is asked for; there may be {MAX_AXES} at most. Take some away.", field)
    if any(size < 1 for size in shape):
        layer.fail(f"a blob of shape {shape} is asked for; every size must be at least 1. Correct it.", field)
    if prod(shape) > MAX_ELEMENTS:
        layer.fail(
            f"a blob of shape {shape} is asked for, {prod(shape)} elements; there may be {MAX_ELEMENTS} at most. "
            "Make it smaller.",
            field,
        )
    return shape


def one_for_each(layer: Layer, values: Sequence, tops: int, field: str, least: int = 1) -> list:
    """``values`` of a repeated field dealt out to the tops: one for all of them, or one for each."""
    if len(values) == 0 and least == 0:
        return []
    if len(values) not in (1, tops):
        name = field.rpartition(".")[2]
        wanted = ("none, " if least == 0 else "") + (f"1 or {tops}" if tops > 1 else "1")
        layer.fail(
            f"has {len(values)} {name} for {tops} top{'' if tops == 1 else 's'}; "
            f"there must be {wanted}: one for all tops or one for each. Add or remove {name}.",
            field,
        )
    return list(values) * tops if len(values) == 1 else list(values)
