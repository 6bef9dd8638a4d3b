"""Deconvolution: convolution run backward. Source: Caffe src/caffe/layers/{base_conv,deconv}_layer.cpp."""

from __future__ import annotations

from math import prod

from netdef.blob import MAX_ELEMENTS
from netdef.kernels._size import sized
from netdef.kernels.bias import add_bias, sum_to_bias
from netdef.layer import register_layer, repeatable
from netdef.layers._axes import bottom_name
from netdef.layers.convolution import ConvolutionLayer, plan_convolution


@register_layer("Deconvolution")
class DeconvolutionLayer(ConvolutionLayer):
    """Spreads every pixel over a window with learned filters: what a Convolution's backward pass does.

    Formula
        ``top[n, m, i…] = bias[m] + sum of weight[c, m, k…] bottom[n, c, o…]`` over all ``c``, ``o``, ``k`` with
        ``o * stride - pad + k * dilation = i``; with group, ``c`` runs over the channels of the group of ``m``.
        A filler of type bilinear with stride s, kernel_size ``2 s - s % 2``, pad ``ceil((s - 1) / 2)``, num_output
        and group equal to the channels, bias_term false and lr_mult 0 enlarges an image s times.
    Bottom / Top
        1 or more → as many: ``(N, C, H, W) → (N, num_output, H', W')`` with
        ``H' = stride (H - 1) + dilation (kernel - 1) + 1 - 2 pad``. Any number of spatial axes; all bottoms have
        one shape and share the filters.
    Learnable
        weight ``(C, num_output / group, kernel_h, kernel_w)``, bias ``(num_output,)`` unless bias_term is false.
    Fields
        convolution_param, as Convolution reads it: num_output, kernel_size, stride, pad, dilation, group,
        bias_term, weight_filler, bias_filler, axis, force_nd_im2col. engine has no effect.
    Raises
        LayerError as Convolution does; also when pad takes away all of the top.
    Source
        Caffe deconv_layer.cpp:8-75; J. Long, E. Shelhamer, T. Darrell, "Fully Convolutional Networks for Semantic
        Segmentation", 2015, section 3.3 (arXiv 1411.4038).
    Differs from Caffe
        kernel_h without kernel_w (and stride likewise) is an error; Caffe reads the missing one as 0.
    """

    takes_connections = False

    def add_weight(self):
        shape = (self.channels, self.num_output // self.group, *self.window.kernel)
        self.add_param(shape, self.fields.weight_filler, "convolution_param.weight_filler")

    def pooled_shape(self, shape):
        """Spatial shape of the top for a bottom of ``shape`` (deconv_layer.cpp:8-24)."""
        window = self.window
        sizes = tuple(
            window.stride[axis] * (size - 1) + window.reach(axis) - 2 * window.pad[axis]
            for axis, size in enumerate(shape[self.axis + 1 :])
        )
        if any(size < 1 for size in sizes):
            self.fail(
                f"{bottom_name(self, 0)}, shape {shape}, would become a top of {'x'.join(map(str, sizes))} pixels; "
                "every size must be at least 1. Lower pad or raise the kernel.",
                "convolution_param",
            )
        if prod(shape[: self.axis]) * self.num_output * prod(sizes) > MAX_ELEMENTS:
            self.fail(
                f"{bottom_name(self, 0)}, shape {shape}, would become a top of {'x'.join(map(str, sizes))} pixels, "
                f"more than {MAX_ELEMENTS} elements in all. Lower stride or the kernel.",
                "convolution_param",
            )
        return sizes

    def make_plan(self, num, spatial, pooled):
        """The plan of the convolution whose backward pass this is: from the top to the bottom."""
        self.num, self.places = num, prod(pooled)
        return plan_convolution(self, num, self.num_output, self.channels, pooled, spatial)

    @repeatable
    def forward(self, bottom, top):
        weight = self.blobs[0].data.reshape(-1)
        for source, target in zip(bottom, top):
            top_data = target.data.reshape(-1)
            self.plan.backward_data(source.data.reshape(-1), weight, top_data)
            if self.fields.bias_term:
                sized(add_bias, top_data.size)(top_data, self.blobs[1].data, self.places, top_data)

    def backward(self, top, propagate_down, bottom):
        weight = self.blobs[0].data.reshape(-1)
        for target, wanted, source in zip(top, propagate_down, bottom):
            top_diff = target.diff.reshape(-1)
            if self.fields.bias_term and self.param_propagate_down[1]:
                sized(sum_to_bias, top_diff.size)(top_diff, self.num, self.places, True, self.blobs[1].diff)
            if self.param_propagate_down[0]:
                self.plan.backward_weight(top_diff, source.data.reshape(-1), self.blobs[0].diff.reshape(-1))
            if wanted:
                self.plan.forward(top_diff, weight, None, source.diff.reshape(-1))
