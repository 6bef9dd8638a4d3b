"""Bias: a blob added along some axes. Source: Caffe src/caffe/layers/bias_layer.cpp."""

from __future__ import annotations

from netdef.kernels import bias as kernels
from netdef.kernels._size import sized
from netdef.layer import Layer, between, exactly, register_layer, repeatable
from netdef.layers._axes import covered_shape, laid_over


@register_layer("Bias")
class BiasLayer(Layer):
    """Adds a blob, learned or the second bottom, repeated along the axes that it does not cover.

    Formula
        ``top[n, d, i] = bottom[n, d, i] + bias[d]``; d runs over the covered axes, n over those before and i over
        those after; ``bias.diff[d]`` is the sum of ``top.diff`` over n and i.
    Bottom / Top
        1 or 2 → 1. The top has the shape of bottom 0, ``(N, C, H, W)``; bottom 1 is the bias: its shape is that
        of bottom 0 from axis on, ``(C)``, ``(C, H)`` …. May run in place.
    Learnable
        With one bottom, the bias.
    Fields
        axis: first covered axis, 1 if not given, negative counts from the end · num_axes: number of covered
        axes of a learned bias, 1 if not given, -1 all, 0 a single value · filler: 0 if not given.
    Raises
        LayerError when the axes do not exist or bottom 1 does not fit.
    Source
        Caffe bias_layer.cpp:9-112.
    Differs from Caffe
        Nothing.
    """

    num_bottom, num_top = between(1, 2), exactly(1)

    def layer_setup(self, bottom, top):
        if len(bottom) == 1:
            fields = self.param.bias_param
            shape = covered_shape(self, bottom[0], fields.axis, fields.num_axes, "bias_param")
            self.add_param(shape, fields.filler, "bias_param.filler")

    def reshape(self, bottom, top):
        bias = self._bias(bottom)
        self.outer, self.inner = laid_over(self, bottom, bias.shape, self.param.bias_param.axis, "bias_param.axis")
        top[0].reshape_like(bottom[0])

    @repeatable
    def forward(self, bottom, top):
        bottom_data, top_data = bottom[0].data.reshape(-1), top[0].data.reshape(-1)
        bias = self._bias(bottom).data.reshape(-1)
        sized(kernels.add_bias, top_data.size)(bottom_data, bias, self.inner, top_data)

    def backward(self, top, propagate_down, bottom):
        if propagate_down[0] and bottom[0] is not top[0]:
            bottom[0].diff[...] = top[0].diff
        learned = len(bottom) == 1
        if self.param_propagate_down[0] if learned else propagate_down[1]:
            top_diff = top[0].diff.reshape(-1)
            bias_diff = self._bias(bottom).diff.reshape(-1)
            run = sized(kernels.sum_to_bias, top_diff.size)
            run(top_diff, self.outer, self.inner, learned, bias_diff)

    def _bias(self, bottom):
        return self.blobs[0] if len(bottom) == 1 else bottom[1]
