"""From the layout with channels last, Keras's, to Caffe's."""

from __future__ import annotations

import numpy as np

from netdef.importers.source import WEIGHT, Tensor

DEPTHWISE = "depthwise"


def from_channels_last(name: str, array: np.ndarray, role: str, kind: str = "") -> Tensor:
    """An array of Keras's as Caffe has it.

    Kernels ``(H, W, I, O)`` become ``(O, I, H, W)``, in any number of spatial axes; those of transposed convolutions
    ``(H, W, O, I)`` by the same exchange ``(I, O, H, W)``. With ``kind`` `DEPTHWISE`, ``(H, W, I, M)`` becomes
    ``(I M, 1, H, W)``. Dense weights ``(I, O)`` become ``(O, I)``. The rest stays.
    """
    shape = array.shape
    if kind == DEPTHWISE:
        height, width, inputs, multiplier = shape
        array = array.transpose(2, 3, 0, 1).reshape(inputs * multiplier, 1, height, width)
    elif role == WEIGHT and array.ndim >= 2:
        array = array.transpose(array.ndim - 1, array.ndim - 2, *range(array.ndim - 2))
    rows_of = "hwc" if role == WEIGHT and len(shape) == 2 and not kind else "chw"
    return Tensor(name, np.ascontiguousarray(array, np.float32), role, shape, rows_of)
