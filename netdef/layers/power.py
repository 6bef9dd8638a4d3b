"""Power: shift, scale and raise to a power. Source: Caffe src/caffe/layers/power_layer.cpp."""

from __future__ import annotations

import numpy as np

from netdef.kernels import power as kernels
from netdef.kernels._size import sized
from netdef.layer import Layer, exactly, register_layer, repeatable


@register_layer("Power")
class PowerLayer(Layer):
    """A power of a linear function of each value.

    Formula
        ``top = (shift + scale * bottom) ** power``;
        ``bottom.diff = top.diff * power * scale * (shift + scale * bottom) ** (power - 1)``.
        If power or scale is 0 the top is the constant ``shift ** power`` (1 for power 0) and the gradient 0.
    Bottom / Top
        1 → 1 of the same shape, any number of axes; may run in place. A negative base with a fractional power
        gives NaN; so does the gradient at a base of 0, unless power is 0, 1 or 2.
    Learnable
        None.
    Fields
        power, 1 if not given · scale, 1 · shift, 0.
    Raises
        Nothing of its own.
    Source
        Caffe power_layer.cpp:9-88.
    Differs from Caffe
        In place, the bottom is kept for the gradient; Caffe takes the overwritten values for the bottom.
    """

    num_bottom, num_top = exactly(1), exactly(1)

    def layer_setup(self, bottom, top):
        fields = self.param.power_param
        self.power = self.dtype.type(fields.power)
        self.scale = self.dtype.type(fields.scale)
        self.shift = self.dtype.type(fields.shift)
        self.is_constant = fields.power == 0 or fields.scale == 0

    def reshape(self, bottom, top):
        top[0].reshape_like(bottom[0])

    @repeatable(when=lambda layer: not (layer.needs_backward or layer.is_constant))
    def forward(self, bottom, top):
        top_data = top[0].data.reshape(-1)
        if self.is_constant:
            top_data[...] = self._constant()
            return
        bottom_data = bottom[0].data.reshape(-1)
        if self._keeps_bottom(bottom, top):
            self.scratch("bottom", top_data.size)[...] = bottom_data
        run = sized(kernels.power_forward, top_data.size)
        run(bottom_data, self.power, self.scale, self.shift, top_data)

    def backward(self, top, propagate_down, bottom):
        if not propagate_down[0]:
            return
        bottom_diff = bottom[0].diff.reshape(-1)
        if self.is_constant:
            bottom_diff[...] = 0
            return
        kept = self._keeps_bottom(bottom, top)
        bottom_data = self.scratch("bottom", bottom_diff.size) if kept else bottom[0].data.reshape(-1)
        top_data, top_diff = top[0].data.reshape(-1), top[0].diff.reshape(-1)
        run = sized(kernels.power_backward, bottom_diff.size)
        run(bottom_data, top_data, top_diff, self.power, self.scale, self.shift, bottom_diff)

    def _keeps_bottom(self, bottom, top) -> bool:
        """Whether the gradient needs values that the forward pass overwrites."""
        return bottom[0] is top[0] and self.power != 1 and self.needs_backward

    def _constant(self):
        if self.power == 0:
            return 1
        with np.errstate(all="ignore"):  # C's pow: NaN and infinities are values like others
            return np.power(self.shift, self.power)
