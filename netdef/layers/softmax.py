"""Softmax. Source: Caffe src/caffe/layers/softmax_layer.cpp."""

from __future__ import annotations

from netdef.kernels._size import sized
from netdef.kernels.softmax import softmax_backward, softmax_forward
from netdef.layer import Layer, exactly, register_layer, repeatable
from netdef.layers._axes import canonical_axis


@register_layer("Softmax")
class SoftmaxLayer(Layer):
    """Scores to probabilities that add up to 1 along one axis.

    Formula
        ``top[c] = exp(bottom[c]) / sum over k of exp(bottom[k])``, computed from ``bottom - max`` so that nothing
        overflows.
    Bottom / Top
        1 → 1: ``(N, C, H, W)`` any values → the same shape, values in [0, 1]; the top may be the bottom.
    Learnable
        None.
    Fields
        axis: the axis of the classes, 1 if not given, negative ones count from the end. engine is accepted and
        has no effect.
    Raises
        LayerError when there is no such axis.
    Source
        Caffe softmax_layer.cpp:10-86.
    Differs from Caffe
        Nothing.
    """

    num_bottom, num_top = exactly(1), exactly(1)

    def reshape(self, bottom, top):
        axis = canonical_axis(self, self.param.softmax_param.axis, bottom[0], "softmax_param.axis")
        outer, inner = bottom[0].count_from(0, axis), bottom[0].count_from(axis + 1)
        self.planes = (outer, bottom[0].shape[axis], inner)
        top[0].reshape_like(bottom[0])

    @repeatable
    def forward(self, bottom, top):
        outer, _, inner = self.planes
        scale = self.scratch("scale", (outer, inner))
        run = sized(softmax_forward, bottom[0].count)
        run(bottom[0].data.reshape(self.planes), scale, top[0].data.reshape(self.planes))

    def backward(self, top, propagate_down, bottom):
        if not propagate_down[0]:
            return
        outer, _, inner = self.planes
        scale = self.scratch("scale", (outer, inner))
        run = sized(softmax_backward, top[0].count)
        arrays = [array.reshape(self.planes) for array in (top[0].data, top[0].diff, bottom[0].diff)]
        run(arrays[0], arrays[1], scale, arrays[2])
