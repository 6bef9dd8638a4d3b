"""What the layers with labels share: reading their fields, checking labels, dividing the loss."""

from __future__ import annotations

from math import nan
from typing import NoReturn

import numpy as np

from netdef.blob import Blob
from netdef.errors import DataError
from netdef.kernels.loss import find_bad_label
from netdef.layer import Layer
from netdef.layers._axes import bottom_name, canonical_axis
from prototxt import schema

_MODES = schema.LossParameter
PRE_FIXED, FULL, VALID, BATCH_SIZE = _MODES.PRE_FIXED, _MODES.FULL, _MODES.VALID, _MODES.BATCH_SIZE
REMEDY = "Correct the label, give the scores more classes (num_output), or set ignore_label."
MORE_CLASSES = "Correct the label or give the scores more classes (num_output)."  # where no label can be ignored


def ignored_label(fields: schema.LossParameter | schema.AccuracyParameter) -> float:
    """``fields.ignore_label`` as the kernels want it: NaN, which equals no label, where it is not given."""
    return float(fields.ignore_label) if fields.HasField("ignore_label") else nan


def normalization_mode(loss_param: schema.LossParameter, default: int) -> int:
    """The mode that ``loss_param`` asks for, by ``normalization`` or by the older ``normalize``.

    Source: Caffe softmax_loss_layer.cpp:28-35, sigmoid_cross_entropy_loss_layer.cpp:24-32.
    """
    if not loss_param.HasField("normalization") and loss_param.HasField("normalize"):
        return schema.LossParameter.VALID if loss_param.normalize else schema.LossParameter.BATCH_SIZE
    return loss_param.normalization if loss_param.HasField("normalization") else default


def check_fixed_normalizer(layer: Layer) -> None:
    """LayerError where the loss is to be divided by a pre_fixed_normalizer that is not above 0."""
    fixed = layer.param.loss_param.pre_fixed_normalizer
    if not fixed > 0:
        layer.fail(
            f"pre_fixed_normalizer is {fixed:g}; it must be above 0. Raise it.", "loss_param.pre_fixed_normalizer"
        )


def normalizer(mode: int, batch: int, count: int, valid: float, fixed: float = 1.0) -> float:
    """What a loss over ``count`` labels, ``valid`` of them not ignored, is divided by; at least 1 unless ``fixed``.

    The least is for batches without a single label (softmax_loss_layer.cpp:83-85). ``fixed``, for PRE_FIXED, is
    taken as it is (of forks).
    """
    if mode == PRE_FIXED:
        return float(fixed)
    divisor = {FULL: count, VALID: valid, BATCH_SIZE: batch}.get(mode, 1)
    return max(1.0, float(divisor))


def scores_and_labels(layer: Layer, bottom: list[Blob], axis: int, field: str) -> tuple[int, int, int]:
    """``(outer, classes, inner)`` of the scores in bottom 0; LayerError unless bottom 1 has outer * inner labels."""
    axis = canonical_axis(layer, axis, bottom[0], field)
    shape = bottom[0].shape
    outer, inner = bottom[0].count_from(0, axis), bottom[0].count_from(axis + 1)
    if outer * inner != bottom[1].count:
        layer.fail(
            f"{bottom_name(layer, 1)} has shape {bottom[1].shape}, {bottom[1].count} labels; {bottom_name(layer, 0)} "
            f"has shape {shape} with the classes on axis {axis}, which takes {outer * inner} labels, "
            f"one for each of {shape[:axis] + shape[axis + 1 :]}. Change the labels or the axis.",
            "bottom[1]",
        )
    return outer, shape[axis], inner


def labels_of_items(layer: Layer, bottom: list[Blob]) -> tuple[int, int]:
    """``(num, dim)`` of the scores in bottom 0; LayerError unless bottom 1 has one label for each item."""
    num = bottom[0].shape[0]
    if bottom[1].count != num:
        layer.fail(
            f"{bottom_name(layer, 1)} has shape {bottom[1].shape}, {bottom[1].count} labels; {bottom_name(layer, 0)} "
            f"has shape {bottom[0].shape}, which takes {num}, one for each item. Change the labels.",
            "bottom[1]",
        )
    return num, bottom[0].count_from(1)


def check_labels(
    layer: Layer,
    label: np.ndarray,
    num_labels: int,
    ignore_label: float = nan,
    remedy: str = REMEDY,
) -> None:
    """DataError for the first label that is no class and is not ignored; Caffe would read past the scores."""
    index = find_bad_label(label.reshape(-1), num_labels, ignore_label)
    if index >= 0:
        refuse_label(layer, label, index, num_labels, remedy)


def refuse_label(layer: Layer, label: np.ndarray, index: int, num_labels: int, remedy: str = REMEDY) -> NoReturn:
    """DataError for the label at ``index``, counted flat."""
    place = tuple(int(i) for i in np.unravel_index(index, label.shape))
    raise DataError(
        f"{bottom_name(layer, 1)} has the label {label[place]:g} at index {place}; there are {num_labels} classes, "
        f"0 to {num_labels - 1}. {remedy}",
        field="bottom[1]",
        layer_name=layer.name,
        layer_type=layer.type,
    )


def refuse_label_gradient(layer: Layer, propagate_down: list[bool]) -> None:
    """LayerError where a gradient with respect to the labels, bottom 1, is asked for."""
    if propagate_down[1]:
        layer.fail(
            f"the gradient with respect to {bottom_name(layer, 1)}, the labels, was asked for; there is none. "
            "Set propagate_down to false for it, or take the labels from a layer that learns nothing.",
            "bottom[1]",
        )
