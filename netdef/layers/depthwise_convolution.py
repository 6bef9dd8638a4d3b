"""Convolutions of the MobileNet forks: one filter for each channel. No file of Caffe's; the rest is conv_layer.cpp."""

from __future__ import annotations

from netdef.layer import exactly, register_layer
from netdef.layers.convolution import ConvolutionLayer


@register_layer("DepthwiseConvolution")
class DepthwiseConvolutionLayer(ConvolutionLayer):
    """Convolution under the name that depthwise nets give it: group says how many channels stay by themselves.

    Formula
        Convolution's. With group equal to the channels and to num_output, each channel has one filter.
    Bottom / Top
        1 or more → as many: ``(N, C, H, W) → (N, num_output, H', W')``, as Convolution.
    Learnable
        weight ``(num_output, C / group, kernel_h, kernel_w)``, bias ``(num_output,)`` unless bias_term is false.
    Fields
        convolution_param, as Convolution reads it.
    Raises
        LayerError as Convolution does.
    Source
        MobileNet's Caffe forks (github.com/yonghenglh6/DepthwiseConvolution), depthwise_conv_layer.cpp; A. Howard et
        al., "MobileNets", 2017 (arXiv 1704.04861).
        et al., "MobileNets", 2017 (arXiv 1704.04861).
    Differs from Caffe
        Caffe has no such type; in the fork it is a Convolution whose GPU code is faster.
    """


@register_layer("ConvolutionDepthwise")
class ConvolutionDepthwiseLayer(ConvolutionLayer):
    """Convolution with one filter for each channel, whatever num_output and group say.

    Formula
        ``top[n, c, oh, ow] = bias[c] + sum_k weight[c, 0, kh, kw] bottom[n, c, ih, iw]``, where
        ``ih = oh stride - pad + kh dilation``, likewise ``iw``, and the image is 0 outside.
    Bottom / Top
        1 → 1: ``(N, C, H, W) → (N, C, H', W')`` with Convolution's ``H'``.
    Learnable
        weight ``(C, 1, kernel_h, kernel_w)``, bias ``(C,)`` unless bias_term is false.
    Fields
        convolution_param, as Convolution reads it, but num_output and group are not read: both are the channels.
    Raises
        LayerError when a kernel, a stride or a dilation is 0, both spellings of a window are used, or the window is
        larger than the padded image.
    Source
        ShuffleNet's Caffe fork (github.com/farmingyard/ShuffleNet), conv_dw_layer.cpp; X. Zhang et al.,
        "ShuffleNet", 2017 (arXiv 1707.01083).
    Differs from Caffe
        Caffe has no such type. The fork wants stride and pad to be given; here they are 1 and 0 if not.
    """

    num_bottom, num_top = exactly(1), exactly(1)
    takes_connections = False

    def read_channels(self):
        self.num_output = self.group = self.channels
