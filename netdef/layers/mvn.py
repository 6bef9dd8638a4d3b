"""MVN: mean and variance normalization. Source: Caffe src/caffe/layers/mvn_layer.cpp."""

from __future__ import annotations

import numpy as np

from netdef.kernels import mvn as kernels
from netdef.kernels._size import sized
from netdef.layer import Layer, exactly, register_layer
from netdef.layers._axes import bottom_name

MANY_ROWS = 8  # enough for each thread to have some of its own
SHARE = 1 << 14  # pixels, at least, of a share where threads share a row


@register_layer("MVN")
class MVNLayer(Layer):
    """Gives each channel of each item, or each item, mean 0 and variance 1.

    Formula
        ``top = (bottom - mean) / (sqrt(variance) + eps)``, over the pixels of a channel or over a whole item;
        ``bottom.diff = (top.diff - mean(top.diff) - top * mean(top * top.diff)) / (sqrt(variance) + eps)``.
    Bottom / Top
        1 → 1: ``(N, C, H, W)`` or fewer axes → ``(N, C, H, W)``, missing axes of size 1. May run in place.
    Learnable
        None.
    Fields
        normalize_variance: true if not given; false only takes the mean away · across_channels: over a whole
        item, false if not given · eps: 1e-9 if not given.
    Raises
        LayerError when the bottom has more than 4 axes.
    Source
        Caffe mvn_layer.cpp:8-124.
    Differs from Caffe
        In place, the gradient is right; Caffe reads what it has overwritten.
    """

    num_bottom, num_top = exactly(1), exactly(1)

    def reshape(self, bottom, top):
        blob, fields = bottom[0], self.param.mvn_param
        if len(blob.shape) > 4:
            self.fail(
                f"{bottom_name(self, 0)} has shape {blob.shape}; there may be 4 axes at most, (num, channels, height, "
                "width). Reshape it.",
                "bottom",
            )
        if blob is not top[0]:
            top[0].reshape(blob.num, blob.channels, blob.height, blob.width)
        num = blob.num if fields.across_channels else blob.num * blob.channels
        self.rows = (num, blob.count // max(num, 1))
        self.shares = self.rows[1] // SHARE if num < MANY_ROWS else 1
        self.eps = self.dtype.type(fields.eps)

    def forward(self, bottom, top):
        source, target = bottom[0].data.reshape(self.rows), top[0].data.reshape(self.rows)
        normalize, deviation = self.param.mvn_param.normalize_variance, self.scratch("deviation", self.rows[0])
        if self.shares > 1:
            run = sized(kernels.mvn_forward_shared, bottom[0].count)
            run(source, self.eps, normalize, deviation, self._partial(), target)
        else:
            sized(kernels.mvn_forward, bottom[0].count)(source, self.eps, normalize, deviation, target)

    def _partial(self):
        return self.scratch("partial", self.shares, np.float64)

    def backward(self, top, propagate_down, bottom):
        if not propagate_down[0]:
            return
        normalize, deviation = self.param.mvn_param.normalize_variance, self.scratch("deviation", self.rows[0])
        top_data, top_diff = top[0].data.reshape(self.rows), top[0].diff.reshape(self.rows)
        bottom_diff = bottom[0].diff.reshape(self.rows)
        if self.shares > 1:
            run = sized(kernels.mvn_backward_shared, bottom[0].count)
            run(top_data, top_diff, deviation, normalize, self._partial(), bottom_diff)
        else:
            sized(kernels.mvn_backward, bottom[0].count)(top_data, top_diff, deviation, normalize, bottom_diff)
