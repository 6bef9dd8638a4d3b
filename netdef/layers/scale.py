"""Scale: a blob multiplied along some axes. Source: Caffe src/caffe/layers/scale_layer.cpp."""

from __future__ import annotations

from netdef.kernels import bias as bias_kernels
from netdef.kernels import scale as kernels
from netdef.kernels._size import sized
from netdef.layer import Layer, between, exactly, register_layer, repeatable
from netdef.layers._axes import bottom_name, covered_shape, laid_over
from prototxt import schema


@register_layer("Scale")
class ScaleLayer(Layer):
    """Multiplies by a blob, learned or the second bottom, and may add a learned bias of the same shape.

    Formula
        ``top[n, d, i] = bottom[n, d, i] * scale[d] + bias[d]``; d runs over the covered axes, n over those before
        and i over those after; ``scale.diff[d]`` is the sum over n and i of ``top.diff * bottom``, ``bias.diff[d]``
        of ``top.diff``.
    Bottom / Top
        1 or 2 → 1. The top has the shape of bottom 0, ``(N, C, H, W)``; bottom 1 is the scale: its shape is that
        of bottom 0 from axis on, ``(C)``, ``(C, H)`` …. May run in place; the bottom is then kept for the gradient.
    Learnable
        With one bottom, the scale; with bias_term, the bias.
    Fields
        axis: first covered axis, 1 if not given, negative counts from the end · num_axes: number of covered axes
        of a learned scale, 1 if not given, -1 all, 0 a single value · filler: 1 if not given · bias_term: whether
        a bias is added, false if not given · bias_filler: 0 if not given.
    Raises
        LayerError when the axes do not exist, bottom 1 does not fit, or it changes its shape beside a learned bias.
    Source
        Caffe scale_layer.cpp:11-219.
    Differs from Caffe
        The gradient of a learned scale that covers all axes, or all but axes of one item, such as a batch of one, is
        added to what is there, as with every other shape, so that iter_size above 1 and shared scales work; in Caffe
        the last pass alone counts.
    """

    num_bottom, num_top = between(1, 2), exactly(1)

    def layer_setup(self, bottom, top):
        fields = self.param.scale_param
        if len(bottom) > 1:
            shape = bottom[1].shape
        else:
            shape = covered_shape(self, bottom[0], fields.axis, fields.num_axes, "scale_param")
            unit = schema.FillerParameter(type="constant", value=1)
            filler = fields.filler if fields.HasField("filler") else unit
            self.add_param(shape, filler, "scale_param.filler")
        if fields.bias_term:
            self.add_param(shape, fields.bias_filler, "scale_param.bias_filler")

    def reshape(self, bottom, top):
        scale = self._scale(bottom)
        self.outer, self.inner = laid_over(self, bottom, scale.shape, self.param.scale_param.axis, "scale_param.axis")
        if self.param.scale_param.bias_term and self.blobs[-1].count != scale.count:
            self.fail(
                f"{bottom_name(self, 1)} now has shape {scale.shape} but the learned bias has shape "
                f"{self.blobs[-1].shape}; they must stay equal. Reshape other axes only.",
                "bottom",
            )
        top[0].reshape_like(bottom[0])

    @repeatable(when=lambda layer: not layer.needs_backward)
    def forward(self, bottom, top):
        bottom_data, top_data = bottom[0].data.reshape(-1), top[0].data.reshape(-1)
        scale = self._scale(bottom).data.reshape(-1)
        if bottom[0] is top[0] and self.needs_backward:
            self.scratch("bottom", bottom_data.size)[...] = bottom_data
        if self.param.scale_param.bias_term:
            bias = self.blobs[-1].data.reshape(-1)
            run = sized(kernels.multiply_by_scale_and_add, top_data.size)
            run(bottom_data, scale, bias, self.inner, top_data)
        else:
            sized(kernels.multiply_by_scale, top_data.size)(bottom_data, scale, self.inner, top_data)

    def backward(self, top, propagate_down, bottom):
        top_diff = top[0].diff.reshape(-1)
        if self.param.scale_param.bias_term and self.param_propagate_down[-1]:
            bias_diff = self.blobs[-1].diff.reshape(-1)
            run = sized(bias_kernels.sum_to_bias, top_diff.size)
            run(top_diff, self.outer, self.inner, True, bias_diff)
        learned = len(bottom) == 1
        if self.param_propagate_down[0] if learned else propagate_down[1]:
            in_place = bottom[0] is top[0]
            bottom_data = self.scratch("bottom", top_diff.size) if in_place else bottom[0].data.reshape(-1)
            scale_diff = self._scale(bottom).diff.reshape(-1)
            run = sized(kernels.dot_to_scale, top_diff.size)
            run(top_diff, bottom_data, self.outer, self.inner, learned, scale_diff)
        if propagate_down[0]:
            scale = self._scale(bottom).data.reshape(-1)
            bottom_diff = bottom[0].diff.reshape(-1)
            sized(kernels.multiply_by_scale, top_diff.size)(top_diff, scale, self.inner, bottom_diff)

    def _scale(self, bottom):
        return self.blobs[0] if len(bottom) == 1 else bottom[1]
