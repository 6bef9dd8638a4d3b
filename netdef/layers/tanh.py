"""TanH: values squashed into (-1, 1). Source: Caffe src/caffe/layers/tanh_layer.cpp."""

from __future__ import annotations

from netdef.kernels._size import sized
from netdef.kernels.activation import tanh_backward, tanh_forward
from netdef.layer import register_layer, repeatable
from netdef.layers._elementwise import ElementwiseLayer


@register_layer("TanH")
class TanHLayer(ElementwiseLayer):
    """The hyperbolic tangent.

    Formula
        ``top = tanh(bottom)``; ``bottom_diff = top_diff (1 - top^2)``.
    Bottom / Top
        1 → 1 of the same shape, in (-1, 1); may run in place.
    Learnable
        None.
    Fields
        None; engine has no effect.
    Raises
        Nothing.
    Source
        Caffe tanh_layer.cpp:10-37.
    Differs from Caffe
        Nothing.
    """

    @repeatable
    def forward(self, bottom, top):
        self.run_forward(tanh_forward, bottom, top)

    def backward(self, top, propagate_down, bottom):
        if propagate_down[0]:
            sized(tanh_backward, top[0].count)(
                top[0].diff.reshape(-1), top[0].data.reshape(-1), bottom[0].diff.reshape(-1)
            )
