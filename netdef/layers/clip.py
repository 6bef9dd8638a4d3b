"""Clip: values held between two bounds. Source: Caffe src/caffe/layers/clip_layer.cpp."""

from __future__ import annotations

from netdef.kernels import elementwise as kernels
from netdef.kernels._size import sized
from netdef.layer import register_layer
from netdef.layers._elementwise import ElementwiseLayer


@register_layer("Clip")
class ClipLayer(ElementwiseLayer):
    """Holds each value between a least and a greatest one.

    Formula
        ``top = max(min, min(bottom, max))``; ``bottom.diff = top.diff`` where ``min <= bottom <= max``, else 0.
    Bottom / Top
        1 → 1 of the same shape, any number of axes; may run in place. The top is in [min, max]; NaN becomes min.
    Learnable
        None.
    Fields
        clip_param.min and max: the bounds, both required.
    Raises
        LayerError when clip_param is missing, or min is above max.
    Source
        Caffe clip_layer.cpp:8-41.
    Differs from Caffe
        A missing clip_param or min above max is an error; Caffe goes on with bounds of 0, or a constant. In place,
        the bottom is kept for the gradient; Caffe takes the overwritten values for the bottom.
    """

    keeps_bottom = True

    def layer_setup(self, bottom, top):
        fields = self.param.clip_param
        for name in ("min", "max"):
            if not fields.HasField(name):
                self.fail(f"has no {name}; both bounds are needed. Add clip_param {{ min: … max: … }}.", "clip_param")
        if fields.min > fields.max:
            self.fail(
                f"min is {fields.min:g} but max is {fields.max:g}; min must not be above max. Swap them.",
                "clip_param.min",
            )
        self.low, self.high = self.dtype.type(fields.min), self.dtype.type(fields.max)

    def forward(self, bottom, top):
        self.run_forward(kernels.clip_forward, bottom, top, self.low, self.high)

    def backward(self, top, propagate_down, bottom):
        if propagate_down[0]:
            bottom_diff = bottom[0].diff.reshape(-1)
            run = sized(kernels.clip_backward, bottom_diff.size)
            run(self.bottom_data(bottom, top), top[0].diff.reshape(-1), self.low, self.high, bottom_diff)
