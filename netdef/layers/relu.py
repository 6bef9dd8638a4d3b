"""ReLU: negative values to zero. Source: Caffe src/caffe/layers/relu_layer.cpp."""

from __future__ import annotations

from netdef.kernels import activation as kernels
from netdef.kernels._size import sized
from netdef.layer import Layer, exactly, register_layer, repeatable


@register_layer("ReLU")
class ReLULayer(Layer):
    """Rectified linear units.

    Formula
        ``top = max(bottom, 0) + negative_slope min(bottom, 0)``;
        ``bottom_diff = top_diff`` where ``bottom > 0``, else ``negative_slope top_diff``.
    Bottom / Top
        1 → 1 of the same shape; may run in place.
    Learnable
        None.
    Fields
        negative_slope: 0 if not given. engine has no effect.
    Raises
        Nothing.
    Source
        Caffe relu_layer.cpp:8-40; Nair and Hinton (2010); Maas, Hannun and Ng (2013) for the slope.
    Differs from Caffe
        Nothing.
    """

    num_bottom, num_top = exactly(1), exactly(1)

    def reshape(self, bottom, top):
        top[0].reshape_like(bottom[0])
        self.slope = self.dtype.type(self.param.relu_param.negative_slope)

    @repeatable
    def forward(self, bottom, top):
        count, source = top[0].count, bottom[0].data.reshape(-1)
        if top[0].shares_data_with(bottom[0]):
            sized(kernels.relu_forward_in_place, count)(self.slope, source)
        else:
            sized(kernels.relu_forward, count)(source, self.slope, top[0].data.reshape(-1))

    @repeatable
    def backward(self, top, propagate_down, bottom):
        if not propagate_down[0]:
            return
        count, source, target = top[0].count, bottom[0].data.reshape(-1), bottom[0].diff.reshape(-1)
        if top[0] is bottom[0]:
            sized(kernels.relu_backward_in_place, count)(source, self.slope, target)
        else:
            sized(kernels.relu_backward, count)(top[0].diff.reshape(-1), source, self.slope, target)
