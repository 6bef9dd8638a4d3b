"""LRN. Source: Caffe src/caffe/layers/lrn_layer.cpp."""

from __future__ import annotations

from netdef.kernels._size import sized
from netdef.kernels.lrn import (
    BLOCK,
    CHUNKS,
    lrn_across_backward,
    lrn_across_forward,
    lrn_within_backward,
    lrn_within_forward,
)
from netdef.layer import Layer, exactly, register_layer, repeatable
from netdef.layers._axes import bottom_name, refuse_in_place
from prototxt import schema


@register_layer("LRN")
class LRNLayer(Layer):
    """Local response normalization: each value divided by a power of the squares around it.

    Formula
        ``top = bottom * (k + alpha / n * sum of the squares in the window) ** -beta``. ACROSS_CHANNELS: the window is
        local_size channels at one pixel, n = local_size. WITHIN_CHANNEL: local_size x local_size pixels of one
        channel, n = local_size ** 2, and k = 1 whatever the field says. n counts what lies beyond the border.
    Bottom / Top
        1 → 1: ``(N, C, H, W)``, any values → the same shape.
    Learnable
        None.
    Fields
        local_size: odd number of channels or pixels, 5 if not given · alpha, beta, k: 1, 0.75 and 1 if not given ·
        norm_region: ACROSS_CHANNELS if not given. engine is accepted and has no effect.
    Raises
        LayerError when local_size is even, the bottom has not 4 axes, or the top is the bottom.
    Source
        Caffe lrn_layer.cpp:9-247; Krizhevsky, Sutskever and Hinton, "ImageNet classification with deep
        convolutional neural networks", NIPS 2012, section 3.3.
    Differs from Caffe
        In place is an error; Caffe computes a wrong result.
    """

    num_bottom, num_top = exactly(1), exactly(1)

    def layer_setup(self, bottom, top):
        refuse_in_place(self, bottom, top)
        fields = self.param.lrn_param
        if fields.local_size % 2 == 0:
            self.fail(
                f"local_size is {fields.local_size}; it must be odd, so that the window has a middle. "
                f"Use {fields.local_size + 1}.",
                "lrn_param.local_size",
            )
        self.across = fields.norm_region == schema.LRNParameter.ACROSS_CHANNELS
        number = self.dtype.type
        elements = fields.local_size if self.across else fields.local_size**2
        self.half = (fields.local_size - 1) // 2
        self.beta = number(fields.beta)
        self.coefficient = number(fields.alpha / elements)
        self.factor = number(2 * fields.alpha * fields.beta / elements)
        self.shift = number(fields.k if self.across else 1)

    def reshape(self, bottom, top):
        shape = bottom[0].shape
        if len(shape) != 4:
            self.fail(
                f"{bottom_name(self, 0)} has shape {shape}; it must have 4 axes, (num, channels, height, width). "
                "Put a Reshape before this layer.",
                "bottom",
            )
        num, channels, height, width = shape
        if self.across:
            self.planes, self.ratio_shape = (num, channels, height * width), (CHUNKS, channels + 1, BLOCK)
        else:
            self.planes, self.ratio_shape = (num * channels, height, width), (CHUNKS, height + 1, width)
        top[0].reshape_like(bottom[0])

    @repeatable
    def forward(self, bottom, top):
        run = sized(lrn_across_forward if self.across else lrn_within_forward, bottom[0].count)
        bottom_data, top_data = (blob.data.reshape(self.planes) for blob in (bottom[0], top[0]))
        scale = self.scratch("scale", self.planes)
        run(bottom_data, self.half, self.coefficient, self.shift, self.beta, scale, top_data)

    def backward(self, top, propagate_down, bottom):
        if not propagate_down[0]:
            return
        run = sized(lrn_across_backward if self.across else lrn_within_backward, bottom[0].count)
        arrays = (bottom[0].data, top[0].data, top[0].diff, self.scratch("scale", self.planes))
        bottom_diff = bottom[0].diff.reshape(self.planes)
        ratio = self.scratch("ratio", self.ratio_shape)
        run(*(array.reshape(self.planes) for array in arrays), self.half, self.factor, self.beta, ratio, bottom_diff)
