"""ELU: exponential linear units. Source: Caffe src/caffe/layers/elu_layer.cpp."""

from __future__ import annotations

from netdef.kernels import elementwise as kernels
from netdef.kernels._size import sized
from netdef.layer import register_layer, repeatable
from netdef.layers._elementwise import ElementwiseLayer


@register_layer("ELU")
class ELULayer(ElementwiseLayer):
    """Exponential linear units.

    Formula
        ``top = bottom`` above 0, else ``alpha * (exp(bottom) - 1)``;
        ``bottom.diff = top.diff`` where ``bottom > 0``, else ``top.diff * (alpha + top)``.
    Bottom / Top
        1 → 1 of the same shape, any number of axes; may run in place. The top is above -alpha.
    Learnable
        None.
    Fields
        elu_param.alpha: minus the value far below 0, 1 if not given.
    Raises
        Nothing of its own.
    Source
        Caffe elu_layer.cpp:8-37; Clevert, Unterthiner and Hochreiter (2015).
    Differs from Caffe
        In place with a negative alpha, the bottom is kept for the gradient; Caffe takes the overwritten values,
        whose sign is another, for the bottom.
    """

    def layer_setup(self, bottom, top):
        self.alpha = self.dtype.type(self.param.elu_param.alpha)
        self.keeps_bottom = self.alpha < 0

    @repeatable(when=lambda layer: not layer.needs_backward)
    def forward(self, bottom, top):
        self.run_forward(kernels.elu_forward, bottom, top, self.alpha)

    def backward(self, top, propagate_down, bottom):
        if propagate_down[0]:
            bottom_diff = bottom[0].diff.reshape(-1)
            top_data, top_diff = top[0].data.reshape(-1), top[0].diff.reshape(-1)
            run = sized(kernels.elu_backward, bottom_diff.size)
            run(self.bottom_data(bottom, top), top_data, top_diff, self.alpha, bottom_diff)
