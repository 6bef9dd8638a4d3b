"""Threshold: which values are above a bound. Source: Caffe src/caffe/layers/threshold_layer.cpp."""

from __future__ import annotations

from netdef.kernels import elementwise as kernels
from netdef.layer import register_layer
from netdef.layers._elementwise import ElementwiseLayer


@register_layer("Threshold")
class ThresholdLayer(ElementwiseLayer):
    """Tells the values above a threshold, 1, from the others, 0.

    Formula
        ``top = [bottom > threshold]``. It has no gradient.
    Bottom / Top
        1 → 1 of the same shape, any number of axes; may run in place. The top is 0 or 1, and 0 at NaN.
    Learnable
        None.
    Fields
        threshold_param.threshold: 0 if not given.
    Raises
        LayerError when a gradient is asked for.
    Source
        Caffe threshold_layer.cpp:8-23, threshold_layer.hpp:60-64.
    Differs from Caffe
        With force_backward the layer is passed over; Caffe aborts.
    """

    def allow_force_backward(self, bottom_index: int) -> bool:
        return False

    def layer_setup(self, bottom, top):
        self.threshold = self.dtype.type(self.param.threshold_param.threshold)

    def forward(self, bottom, top):
        self.run_forward(kernels.threshold_forward, bottom, top, self.threshold)

    def backward(self, top, propagate_down, bottom):
        if propagate_down[0]:
            self.fail(
                "a gradient was asked for; a step has none. Let no layer that leads to a loss read its top, "
                "or set propagate_down to false.",
                "type",
            )
