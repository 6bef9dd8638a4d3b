"""BNLL: a smooth ReLU. Source: Caffe src/caffe/layers/bnll_layer.cpp."""

from __future__ import annotations

from netdef.kernels import elementwise as kernels
from netdef.kernels._size import sized
from netdef.layer import register_layer
from netdef.layers._elementwise import ElementwiseLayer


@register_layer("BNLL")
class BNLLLayer(ElementwiseLayer):
    """The binomial normal log likelihood of each value, a ReLU without a corner (softplus).

    Formula
        ``top = log(1 + exp(bottom))``; ``bottom.diff = top.diff / (1 + exp(-bottom))``.
    Bottom / Top
        1 → 1 of the same shape, any number of axes; may run in place. The top is above 0.
    Learnable
        None.
    Fields
        None.
    Raises
        Nothing of its own.
    Source
        Caffe bnll_layer.cpp:8-38.
    Differs from Caffe
        In place, the bottom is kept for the gradient; Caffe takes the overwritten values for the bottom.
    """

    keeps_bottom = True

    def forward(self, bottom, top):
        self.run_forward(kernels.bnll_forward, bottom, top)

    def backward(self, top, propagate_down, bottom):
        if propagate_down[0]:
            bottom_diff = bottom[0].diff.reshape(-1)
            run = sized(kernels.bnll_backward, bottom_diff.size)
            run(self.bottom_data(bottom, top), top[0].diff.reshape(-1), bottom_diff)
