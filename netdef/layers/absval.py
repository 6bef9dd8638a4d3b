"""AbsVal: absolute values. Source: Caffe src/caffe/layers/absval_layer.cpp."""

from __future__ import annotations

from netdef.kernels import elementwise as kernels
from netdef.kernels._size import sized
from netdef.layer import register_layer
from netdef.layers._axes import refuse_in_place
from netdef.layers._elementwise import ElementwiseLayer


@register_layer("AbsVal")
class AbsValLayer(ElementwiseLayer):
    """The absolute value of each value.

    Formula
        ``top = |bottom|``; ``bottom.diff = sign(bottom) * top.diff``, 0 where the bottom is 0.
    Bottom / Top
        1 → 1 of the same shape, any number of axes; the top is 0 or more.
    Learnable
        None.
    Fields
        None.
    Raises
        LayerError when the top is also the bottom.
    Source
        Caffe absval_layer.cpp:9-35.
    Differs from Caffe
        Nothing.
    """

    def layer_setup(self, bottom, top):
        refuse_in_place(self, bottom, top)

    def forward(self, bottom, top):
        self.run_forward(kernels.absval_forward, bottom, top)

    def backward(self, top, propagate_down, bottom):
        if propagate_down[0]:
            bottom_diff = bottom[0].diff.reshape(-1)
            run = sized(kernels.absval_backward, bottom_diff.size)
            run(bottom[0].data.reshape(-1), top[0].diff.reshape(-1), bottom_diff)
