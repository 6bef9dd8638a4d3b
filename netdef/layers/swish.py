"""Swish: values times their sigmoids. Source: Caffe src/caffe/layers/swish_layer.cpp."""

from __future__ import annotations

from netdef.kernels import elementwise as kernels
from netdef.kernels._size import sized
from netdef.layer import register_layer
from netdef.layers._elementwise import ElementwiseLayer


@register_layer("Swish")
class SwishLayer(ElementwiseLayer):
    """Each value times its sigmoid.

    Formula
        ``top = bottom * s``, ``s = 1 / (1 + exp(-beta * bottom))``;
        ``bottom.diff = top.diff * (beta * top + s * (1 - beta * top))``.
    Bottom / Top
        1 → 1 of the same shape, any number of axes; may run in place.
    Learnable
        None.
    Fields
        swish_param.beta: steepness of the sigmoid, 1 if not given.
    Raises
        Nothing of its own.
    Source
        Caffe swish_layer.cpp:9-59; Ramachandran, Zoph and Le (2017).
    Differs from Caffe
        Nothing.
    """

    def layer_setup(self, bottom, top):
        self.beta = self.dtype.type(self.param.swish_param.beta)

    def forward(self, bottom, top):
        self.run_forward(kernels.swish_forward, bottom, top, self.beta, self.scratch("sigmoid", bottom[0].count))

    def backward(self, top, propagate_down, bottom):
        if propagate_down[0]:
            bottom_diff = bottom[0].diff.reshape(-1)
            sigmoid = self.scratch("sigmoid", bottom_diff.size)
            run = sized(kernels.swish_backward, bottom_diff.size)
            run(top[0].data.reshape(-1), sigmoid, top[0].diff.reshape(-1), self.beta, bottom_diff)
