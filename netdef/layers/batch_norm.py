"""BatchNorm: channels brought to mean 0 and variance 1. Source: Caffe src/caffe/layers/batch_norm_layer.cpp."""

from __future__ import annotations

import numpy as np

from netdef.kernels import batch_norm as kernels
from netdef.kernels._size import sized
from netdef.layer import Layer, exactly, register_layer, repeatable
from netdef.layers._axes import bottom_name
from prototxt import schema


@register_layer("BatchNorm")
class BatchNormLayer(Layer):
    """Normalizes each channel; a Scale layer with bias_term is what usually follows.

    Formula
        ``top = (bottom - mean) / sqrt(variance + eps)`` per channel. In TRAIN, mean and variance (divided by the
        count m) are those of the batch, and the statistics move: ``s = fraction * s + mean``,
        ``v = fraction * v + variance * m / (m - 1)``, ``w = fraction * w + 1``. In TEST, ``mean = s / w`` and
        ``variance = v / w``, both 0 while w is 0.
        In TRAIN, with y the normalized bottom and means over the batch and space,
        ``bottom.diff = (top.diff - mean(top.diff) - mean(top.diff * y) * y) / sqrt(variance + eps)``.
    Bottom / Top
        1 → 1 of the same shape ``(N, C, …)``, two axes or more; may run in place.
    Learnable
        s (C), v (C), w (1): stored with the weights but never learned; their lr_mult is 0.
    Fields
        use_global_stats: TEST's formula (true) or TRAIN's (false) in either phase · moving_average_fraction: the
        share of old statistics kept, 0.999 if not given · eps: added to the variance, 1e-5 if not given.
    Raises
        LayerError when the bottom has no channel axis, the number of channels changes, or a param gives the
        statistics an lr_mult other than 0.
    Source
        Caffe batch_norm_layer.cpp:10-239. S. Ioffe, C. Szegedy, "Batch Normalization: Accelerating Deep Network
        Training by Reducing Internal Covariate Shift", 2015, section 3 (arXiv 1502.03167).
    Differs from Caffe
        A batch without items leaves the statistics alone; Caffe makes them NaN. A layer without param blocks does
        not make the net run backward down to it; Caffe takes the statistics for learned ones there, and fills diffs
        that no parameter needs.
    """

    num_bottom, num_top = exactly(1), exactly(1)

    def layer_setup(self, bottom, top):
        fields = self.param.batch_norm_param
        self.fraction = self.dtype.type(fields.moving_average_fraction)
        self.eps = self.dtype.type(fields.eps)
        stored = self.phase == schema.TEST
        self.use_global_stats = fields.use_global_stats if fields.HasField("use_global_stats") else stored
        if len(bottom[0].shape) < 2:
            self.fail(
                f"{bottom_name(self, 0)} has shape {bottom[0].shape}; it must have two axes or more, the second "
                "being the channels. Reshape it.",
                "bottom",
            )
        self.channels = bottom[0].shape[1]
        for size in (self.channels, self.channels, 1):
            self.add_param((size,), schema.FillerParameter(), "batch_norm_param")
        self._freeze_statistics()

    def reshape(self, bottom, top):
        if bottom[0].shape[1:2] != (self.channels,):
            self.fail(
                f"{bottom_name(self, 0)} has shape {bottom[0].shape} but the statistics are for {self.channels} "
                "channels; axis 1 must keep its size. Reshape other axes only.",
                "bottom",
            )
        self.num, self.spatial = bottom[0].shape[0], bottom[0].count_from(2)
        top[0].reshape_like(bottom[0])

    @repeatable(when=lambda layer: layer.use_global_stats)
    def forward(self, bottom, top):
        bottom_data, top_data = bottom[0].data.reshape(-1), top[0].data.reshape(-1)
        if self.use_global_stats:
            mean, deviation = self.read_statistics()
            run = sized(kernels.normalize_by_statistics, top_data.size)
            run(bottom_data, mean, deviation, self.spatial, top_data)
            return
        if not top_data.size:  # no items, no mean: the statistics stay
            return
        mean_sum, variance_sum, weight = (blob.data for blob in self.blobs)
        mean, deviation = (self.scratch(name, self.channels) for name in ("mean", "deviation"))
        variance = self.scratch("variance", self.channels)
        normalized = self.scratch("normalized", top_data.size)
        run = sized(kernels.normalize_batch, top_data.size)
        run(bottom_data, self.num, self.spatial, self.eps, mean, variance, deviation, normalized, top_data)
        count = self.num * self.spatial
        correction = self.dtype.type(count / (count - 1) if count > 1 else 1)
        weight[0] = weight[0] * self.fraction + 1
        kernels.update_statistics(mean, variance, self.fraction, correction, mean_sum, variance_sum)

    def read_statistics(self) -> tuple[np.ndarray, np.ndarray]:
        """The stored mean of each channel and the root of its stored variance + eps; new values at the next call."""
        mean_sum, variance_sum, weight = (blob.data for blob in self.blobs)
        mean, deviation = (self.scratch(name, self.channels) for name in ("mean", "deviation"))
        kernels.read_statistics(mean_sum, variance_sum, weight, self.eps, mean, deviation)
        return mean, deviation

    def backward(self, top, propagate_down, bottom):
        if not propagate_down[0]:
            return
        top_diff, bottom_diff = top[0].diff.reshape(-1), bottom[0].diff.reshape(-1)
        deviation = self.scratch("deviation", self.channels)
        if self.use_global_stats:
            sized(kernels.statistics_backward, top_diff.size)(top_diff, deviation, self.spatial, bottom_diff)
            return
        normalized = self.scratch("normalized", top_diff.size)
        run = sized(kernels.batch_backward, top_diff.size)
        run(top_diff, normalized, deviation, self.num, self.spatial, bottom_diff)

    def _freeze_statistics(self) -> None:
        """Give the statistics lr_mult 0, so that no solver touches them (batch_norm_layer.cpp:34-46)."""
        for index in range(len(self.blobs)):
            if index == len(self.param.param):
                self.param.param.add(lr_mult=0)
            elif self.param.param[index].lr_mult != 0:
                self.fail(
                    f"param {index} has lr_mult {self.param.param[index].lr_mult:g}; the statistics of a batch are "
                    "not learned and their lr_mult must be 0. Write lr_mult: 0 or remove param.",
                    f"param[{index}].lr_mult",
                )
