"""Trained values of another program, named and grouped, with channels before height and width."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

WEIGHT, BIAS = "weight", "bias"
RECURRENT = "recurrent weight"
GAMMA, BETA, MEAN, VARIANCE = "gamma", "beta", "mean", "variance"


@dataclass
class Tensor:
    """One array: its name in the source, its values in Caffe's layout, and what it is in its layer.

    ``role`` is one of the words above, or "" where nothing tells. ``found_shape`` is the shape that it has in the
    source. ``rows_of`` is "hwc" for the weights ``(outputs, inputs)`` of a dense layer that reads height, width and
    channels in this order where it reads a flattened image, else "chw".
    """

    name: str
    array: np.ndarray
    role: str = ""
    found_shape: tuple[int, ...] = ()
    rows_of: str = "chw"

    def __post_init__(self) -> None:
        self.found_shape = self.found_shape or self.array.shape


@dataclass
class Unit:
    """The arrays of one layer. ``epsilon`` is what a batch normalization adds to the variance, where that is known."""

    name: str
    tensors: list[Tensor] = field(default_factory=list)
    epsilon: float | None = None

    def get(self, role: str) -> Tensor | None:
        """The array of this role, or None."""
        return next((tensor for tensor in self.tensors if tensor.role == role), None)
