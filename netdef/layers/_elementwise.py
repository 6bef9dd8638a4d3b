"""What the layers share that work value by value: the top's shape, flat arrays, the bottom kept in place."""

from __future__ import annotations

from collections.abc import Callable
from math import inf

import numpy as np

from netdef.kernels._size import sized
from netdef.layer import Layer, exactly


class ElementwiseLayer(Layer):
    """One bottom, one top of its shape. Source: Caffe include/caffe/layers/neuron_layer.hpp, neuron_layer.cpp:8-12."""

    num_bottom, num_top = exactly(1), exactly(1)
    keeps_bottom = False  # whether the gradient needs values that a forward pass in place overwrites

    def reshape(self, bottom, top):
        top[0].reshape_like(bottom[0])

    def run_forward(self, kernel: Callable, bottom, top, *numbers) -> None:
        """``kernel(bottom_data, *numbers, top_data)``."""
        bottom_data, top_data = bottom[0].data.reshape(-1), top[0].data.reshape(-1)
        if self.keeps_bottom and bottom[0] is top[0] and self.needs_backward:
            self.scratch("bottom", bottom_data.size)[...] = bottom_data
        sized(kernel, top_data.size)(bottom_data, *numbers, top_data)

    def bottom_data(self, bottom, top) -> np.ndarray:
        """The bottom's values as the last forward pass read them, flat."""
        if self.keeps_bottom and bottom[0] is top[0]:
            return self.scratch("bottom", bottom[0].count)
        return bottom[0].data.reshape(-1)


def check_base(layer: Layer, base: float, field: str) -> None:
    """LayerError unless ``base`` can be the base of a power: finite and above 0, or -1, which stands for e."""
    if base != -1 and not 0 < base < inf:
        layer.fail(f"base is {base:g}; it must be above 0, or -1, which stands for e. Correct base.", field)
