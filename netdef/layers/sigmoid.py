"""Sigmoid: values squashed into (0, 1). Source: Caffe src/caffe/layers/sigmoid_layer.cpp."""

from __future__ import annotations

from netdef.kernels._size import sized
from netdef.kernels.activation import sigmoid_backward, sigmoid_forward
from netdef.layer import register_layer, repeatable
from netdef.layers._elementwise import ElementwiseLayer


@register_layer("Sigmoid")
class SigmoidLayer(ElementwiseLayer):
    """The logistic function.

    Formula
        ``top = 1 / (1 + exp(-bottom))``; ``bottom_diff = top_diff top (1 - top)``.
    Bottom / Top
        1 → 1 of the same shape, in (0, 1); may run in place.
    Learnable
        None.
    Fields
        None; engine has no effect.
    Raises
        Nothing.
    Source
        Caffe sigmoid_layer.cpp:8-38.
    Differs from Caffe
        Nothing.
    """

    @repeatable
    def forward(self, bottom, top):
        self.run_forward(sigmoid_forward, bottom, top)

    def backward(self, top, propagate_down, bottom):
        if propagate_down[0]:
            sized(sigmoid_backward, top[0].count)(
                top[0].diff.reshape(-1), top[0].data.reshape(-1), bottom[0].diff.reshape(-1)
            )
