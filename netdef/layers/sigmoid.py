"""Sigmoid: values squashed into (0, 1). Source: Caffe src/caffe/layers/sigmoid_layer.cpp."""

from __future__ import annotations

from netdef.kernels._size import sized
from netdef.kernels.activation import sigmoid_backward, sigmoid_forward
from netdef.layer import Layer, exactly, register_layer


@register_layer("Sigmoid")
class SigmoidLayer(Layer):
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

    num_bottom, num_top = exactly(1), exactly(1)

    def reshape(self, bottom, top):
        top[0].reshape_like(bottom[0])

    def forward(self, bottom, top):
        sized(sigmoid_forward, top[0].count)(bottom[0].data.reshape(-1), top[0].data.reshape(-1))

    def backward(self, top, propagate_down, bottom):
        if propagate_down[0]:
            sized(sigmoid_backward, top[0].count)(
                top[0].diff.reshape(-1), top[0].data.reshape(-1), bottom[0].diff.reshape(-1)
            )
