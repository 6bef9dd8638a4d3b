"""Normalize: L2 normalization with a learned scale. Source: SSD's Caffe fork, src/caffe/layers/normalize_layer.cpp."""

from __future__ import annotations

import numpy as np

from netdef.kernels import normalize as kernels
from netdef.kernels._size import sized
from netdef.layer import register_layer, repeatable
from netdef.layers._axes import bottom_name
from netdef.layers._elementwise import ElementwiseLayer
from prototxt import schema


@register_layer("Normalize")
class NormalizeLayer(ElementwiseLayer):
    """Divides by the L2 norm, of an item or of each place over the channels, and multiplies by a learned scale.

    Formula
        ``top = scale[c] * bottom / norm``, ``norm = sqrt(sum of bottom**2 + eps)``;
        ``bottom.diff = (scale[c] * top.diff - bottom * sum(scale * top.diff * bottom) / norm**2) / norm``;
        ``scale.diff[c]`` gets the sum of ``top.diff * bottom / norm``.
    Bottom / Top
        1 → 1 of the same shape, ``(N, C, H, W)``, at least 2 axes; may run in place.
    Learnable
        scale ``()``, or ``(C,)`` where channel_shared is false.
    Fields
        norm_param.across_spatial: one norm for an item (true, the default) or one for each place ·
        scale_filler: 1 if not given · channel_shared: one scale for all channels, true if not given · eps: added
        to the sum of squares, 1e-10 if not given.
    Raises
        LayerError when the bottom has fewer than 2 axes, or its channels change after set-up.
    Source
        SSD's Caffe fork, normalize_layer.cpp:8-209; Liu, Rabinovich and Berg (2015), section 3.3.
    Differs from Caffe
        Caffe master has no such type. The gradient is exact where the channels have scales of their own; the fork
        leaves the scale out of the sum. A scale of 0 has a gradient; the fork divides by it. In place, the bottom is
        kept for the gradient.
    """

    keeps_bottom = True

    def layer_setup(self, bottom, top):
        self._check_axes(bottom)
        self.fields = fields = self.param.norm_param
        one = schema.FillerParameter(type="constant", value=1)
        filler = fields.scale_filler if fields.HasField("scale_filler") else one
        self.channels = bottom[0].shape[1]
        self.add_param(() if fields.channel_shared else (self.channels,), filler, "norm_param.scale_filler")
        self.eps = self.dtype.type(fields.eps)

    def reshape(self, bottom, top):
        self._check_axes(bottom)
        shape = bottom[0].shape
        if shape[1] != self.channels:
            self.fail(
                f"{bottom_name(self, 0)} now has shape {shape}, {shape[1]} channels; the scale was made for "
                f"{self.channels}. Change the other axes only.",
                "bottom",
            )
        top[0].reshape(shape)
        self.planes = (shape[0], self.channels, bottom[0].count_from(2))

    def _check_axes(self, bottom) -> None:
        if len(bottom[0].shape) < 2:
            self.fail(
                f"{bottom_name(self, 0)} has shape {bottom[0].shape}; channels are its axis 1, so that it must have at "
                "least 2 axes. Reshape it.",
                "bottom",
            )

    def _norm(self) -> np.ndarray:
        return self.scratch("norm", (self.planes[0], 1 if self.fields.across_spatial else self.planes[2]))

    @repeatable(when=lambda layer: not layer.needs_backward)
    def forward(self, bottom, top):
        bottom_data = bottom[0].data.reshape(self.planes)
        if bottom[0] is top[0] and self.needs_backward:
            self.scratch("bottom", bottom[0].count)[...] = bottom_data.reshape(-1)
        scale, top_data = self.blobs[0].data.reshape(-1), top[0].data.reshape(self.planes)
        if self.fields.across_spatial:
            run = sized(kernels.normalize_items, bottom[0].count)
            run(bottom_data, scale, self.eps, self._norm(), self._sums(), top_data)
        else:
            run = sized(kernels.normalize_places, bottom[0].count)
            run(bottom_data, scale, self.eps, self._norm(), top_data)

    def _sums(self) -> np.ndarray:
        return self.scratch("sums", self.planes[0] * self.channels, np.float64)

    def backward(self, top, propagate_down, bottom):
        bottom_data = self.bottom_data(bottom, top).reshape(self.planes)
        top_diff, norm = top[0].diff.reshape(self.planes), self._norm()
        if self.param_propagate_down[0]:
            partial = self.scratch("partial", self.channels, np.float64)
            run = sized(kernels.normalize_scale, top_diff.size)
            run(bottom_data, top_diff, norm, partial, self.blobs[0].diff.reshape(-1))
        if not propagate_down[0]:
            return
        scale, bottom_diff = self.blobs[0].data.reshape(-1), bottom[0].diff.reshape(self.planes)
        if self.fields.across_spatial:
            run = sized(kernels.normalize_items_backward, top_diff.size)
            run(bottom_data, top_diff, scale, norm, self._sums(), bottom_diff)
        else:
            run = sized(kernels.normalize_places_backward, top_diff.size)
            run(bottom_data, top_diff, scale, norm, self.scratch("total", norm.shape), bottom_diff)
