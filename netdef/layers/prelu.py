"""PReLU: a learned slope for negative values. Source: Caffe src/caffe/layers/prelu_layer.cpp."""

from __future__ import annotations

import numpy as np

from netdef.kernels import prelu as kernels
from netdef.kernels._size import sized
from netdef.layer import register_layer, repeatable
from netdef.layers._axes import bottom_name
from netdef.layers._elementwise import ElementwiseLayer
from prototxt import schema


@register_layer("PReLU")
class PReLULayer(ElementwiseLayer):
    """Rectified linear units whose slope below 0 is learned, for each channel or for all.

    Formula
        ``top = max(bottom, 0) + slope[c] * min(bottom, 0)``; ``bottom.diff = top.diff`` where ``bottom > 0``, else
        ``slope[c] * top.diff``; ``slope.diff[c]`` gets the sum of ``top.diff * min(bottom, 0)``.
    Bottom / Top
        1 → 1 of the same shape, ``(N, C, …)``, at least 2 axes; may run in place.
    Learnable
        slope ``(C,)``, or ``()`` where channel_shared is true.
    Fields
        prelu_param.filler: start of the slopes, 0.25 if not given · channel_shared: one slope for all channels,
        false if not given.
    Raises
        LayerError when the bottom has fewer than 2 axes, or its channels change after set-up.
    Source
        Caffe prelu_layer.cpp:10-131; He, Zhang, Ren and Sun (2015), section 2.1.
    Differs from Caffe
        Nothing.
    """

    keeps_bottom = True

    def layer_setup(self, bottom, top):
        self._check_axes(bottom)
        fields = self.param.prelu_param
        quarter = schema.FillerParameter(type="constant", value=0.25)
        filler = fields.filler if fields.HasField("filler") else quarter
        self.channels = bottom[0].shape[1]
        self.add_param(() if fields.channel_shared else (self.channels,), filler, "prelu_param.filler")

    def reshape(self, bottom, top):
        self._check_axes(bottom)
        shape = bottom[0].shape
        if shape[1] != self.channels:
            self.fail(
                f"{bottom_name(self, 0)} now has shape {shape}, {shape[1]} channels; the slopes were made for "
                f"{self.channels}. Change the other axes only.",
                "bottom",
            )
        top[0].reshape(shape)
        self.inner = bottom[0].count_from(2)
        shared = self.param.prelu_param.channel_shared and self.inner == 1
        self.step = bottom[0].count_from(1) if shared else self.inner

    def _check_axes(self, bottom) -> None:
        if len(bottom[0].shape) < 2:
            self.fail(
                f"{bottom_name(self, 0)} has shape {bottom[0].shape}; channels are its axis 1, so that it must have at "
                "least 2 axes. Reshape it.",
                "bottom",
            )

    @repeatable(when=lambda layer: not layer.needs_backward)
    def forward(self, bottom, top):
        self.run_forward(kernels.prelu_forward, bottom, top, self.blobs[0].data.reshape(-1), self.step)

    def backward(self, top, propagate_down, bottom):
        bottom_data, top_diff = self.bottom_data(bottom, top), top[0].diff.reshape(-1)
        if self.param_propagate_down[0]:
            partial = self.scratch("partial", self.channels, np.float64)
            run = sized(kernels.prelu_slope, top_diff.size)
            run(bottom_data, top_diff, bottom[0].shape[0], self.inner, partial, self.blobs[0].diff.reshape(-1))
        if propagate_down[0]:
            slope, bottom_diff = self.blobs[0].data.reshape(-1), bottom[0].diff.reshape(-1)
            run = sized(kernels.prelu_backward, top_diff.size)
            run(bottom_data, top_diff, slope, self.step, bottom_diff)
