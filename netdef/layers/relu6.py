"""ReLU6: values held between 0 and 6. Source: the MobileNetV2 forks' relu6_layer.cpp."""

from __future__ import annotations

from netdef.kernels import elementwise as kernels
from netdef.kernels._size import sized
from netdef.layer import register_layer, repeatable
from netdef.layers._elementwise import ElementwiseLayer


@register_layer("ReLU6")
class ReLU6Layer(ElementwiseLayer):
    """Rectified linear units that stop at 6.

    Formula
        ``top = min(max(bottom, 0) + negative_slope * min(bottom, 0), 6)``;
        ``bottom.diff = top.diff`` where ``0 < bottom < 6``, ``negative_slope * top.diff`` up to 0, 0 from 6 on.
    Bottom / Top
        1 → 1 of the same shape, any number of axes; may run in place.
    Learnable
        None.
    Fields
        relu6_param.negative_slope: 0 if not given.
    Raises
        Nothing of its own.
    Source
        MobileNetV2's Caffe forks, relu6_layer.cpp:8-40; Sandler et al. (2018), section 3; Krizhevsky (2010).
    Differs from Caffe
        Caffe master has no such type. With a negative slope below 0, the bottom is kept for the gradient in place.
    """

    def layer_setup(self, bottom, top):
        self.slope = self.dtype.type(self.param.relu6_param.negative_slope)
        self.keeps_bottom = self.slope < 0

    @repeatable(when=lambda layer: not layer.needs_backward)
    def forward(self, bottom, top):
        self.run_forward(kernels.relu6_forward, bottom, top, self.slope)

    def backward(self, top, propagate_down, bottom):
        if propagate_down[0]:
            bottom_diff = bottom[0].diff.reshape(-1)
            run = sized(kernels.relu6_backward, bottom_diff.size)
            run(self.bottom_data(bottom, top), top[0].diff.reshape(-1), self.slope, bottom_diff)
