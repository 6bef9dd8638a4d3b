"""BN: the batch normalization of PSPNet's and of SegNet's fork. Caffe's own is batch_norm_layer.cpp."""

from __future__ import annotations

from netdef.kernels import batch_norm, bn
from netdef.kernels._size import sized
from netdef.kernels.bias import sum_to_bias
from netdef.kernels.scale import dot_to_scale, multiply_by_scale, multiply_by_scale_and_add
from netdef.layer import Layer, between, exactly, register_layer, repeatable
from netdef.layers._axes import bottom_name
from prototxt import schema

PSPNET_FIELDS = ("slope_filler", "bias_filler", "momentum", "eps", "frozen")
SEGNET_FIELDS = ("scale_filler", "shift_filler", "bn_mode")
SEGNET_EPS = 1e-9  # written into the fork's source


@register_layer("BN")
class BNLayer(Layer):
    """Brings each channel to mean 0 and variance 1, then to a learned scale and shift.

    Formula
        ``top = slope * (bottom - mean) / sqrt(variance + eps) + bias`` per channel. PSPNet's: in TRAIN, mean and
        variance (divided by the count) are those of the batch, and the stored ones move:
        ``m = momentum * m + (1 - momentum) * mean``, likewise the variance; in TEST, or if frozen, the stored ones
        count. SegNet's: LEARN uses the batch's in either phase and eps 1e-9; INFERENCE is
        ``top = scale * bottom + shift``.
    Bottom / Top
        1 → 1 of the same shape ``(N, C, …)``, two axes or more; may run in place. SegNet's may have two more tops,
        mean and variance of the batch, each ``(1, C, 1, 1)``, which LEARN fills.
    Learnable
        PSPNet's four: slope, bias, mean, variance. SegNet's two: scale, shift. Each ``(1, C, 1, 1)``. Mean and
        variance are stored, never learned; if frozen, neither are slope and bias.
    Fields
        PSPNet's: slope_filler, bias_filler · momentum: the share of old statistics kept, 0.9 if not given · eps:
        added to the variance, 1e-5 if not given · frozen · engine: no effect. SegNet's: scale_filler, shift_filler ·
        bn_mode: LEARN or INFERENCE. Which of the two it is, these tell, else the number of param: 1 or 2 is SegNet's.
    Raises
        LayerError when fields of both are used, the bottom has no channel axis, the number of channels changes, or
        there are more tops than the kind has.
    Source
        PSPNet's and SegNet's Caffe forks (github.com/hszhao/PSPNet, github.com/alexgkendall/caffe-segnet),
        bn_layer.cpp in both.
    Differs from Caffe
        Caffe has no such type. Against the forks: in TEST the gradient of PSPNet's is that of TEST's formula, not
        TRAIN's; SegNet's adds to the parameters' gradients instead of overwriting them.
    """

    num_bottom, num_top = exactly(1), between(1, 3)

    def layer_setup(self, bottom, top):
        self.fields = fields = self.param.bn_param
        self.has_statistics = self._has_statistics()
        if self.has_statistics and len(top) > 1:
            self.fail(f"has {len(top)} tops; with four blobs, as in PSPNet, there is one. Take the others away.", "top")
        if len(bottom[0].shape) < 2:
            self.fail(
                f"{bottom_name(self, 0)} has shape {bottom[0].shape}; it must have two axes or more, the second "
                "being the channels. Reshape it.",
                "bottom",
            )
        self.channels = bottom[0].shape[1]
        self.frozen = fields.frozen and self.has_statistics
        self.momentum = self.dtype.type(fields.momentum)
        self.eps = self.dtype.type(fields.eps if self.has_statistics else SEGNET_EPS)
        shape = (1, self.channels, 1, 1)
        names = ("slope_filler", "bias_filler") if self.has_statistics else ("scale_filler", "shift_filler")
        for name in names:
            self.add_param(shape, getattr(fields, name), f"bn_param.{name}")
        if self.has_statistics:
            for value in (0, 1 if self.frozen else 0):
                self.add_param(shape, schema.FillerParameter(type="constant", value=value), "bn_param")
            self._freeze_statistics()

    def _has_statistics(self) -> bool:
        """True for PSPNet's kind, False for SegNet's."""
        pspnet = [name for name in PSPNET_FIELDS if self.fields.HasField(name)]
        segnet = [name for name in SEGNET_FIELDS if self.fields.HasField(name)]
        if pspnet and segnet:
            self.fail(
                f"has {segnet[0]}, a field of SegNet's BN, and {pspnet[0]}, one of PSPNet's; they are two kinds, with "
                "two blobs and with four. Keep the fields of one.",
                f"bn_param.{segnet[0]}",
            )
        if pspnet or segnet:
            return bool(pspnet)
        return len(self.param.param) not in (1, 2)

    def _freeze_statistics(self):
        """Let no solver touch the statistics or, if frozen, anything."""
        for index in range(4):
            if index == len(self.param.param):
                self.param.param.add()
            if index > 1 or self.frozen:
                self.param.param[index].lr_mult = self.param.param[index].decay_mult = 0

    def reshape(self, bottom, top):
        if bottom[0].shape[1:2] != (self.channels,):
            self.fail(
                f"{bottom_name(self, 0)} has shape {bottom[0].shape} but the parameters are for {self.channels} "
                "channels; axis 1 must keep its size. Reshape other axes only.",
                "bottom",
            )
        self.num, self.spatial = bottom[0].shape[0], bottom[0].count_from(2)
        top[0].reshape_like(bottom[0])
        for blob in top[1:]:
            blob.reshape(1, self.channels, 1, 1)

    @property
    def _uses_batch(self) -> bool:
        if self.has_statistics:
            return self.phase == schema.TRAIN and not self.frozen
        return self.fields.bn_mode == schema.BNParameter.LEARN

    def _statistic(self, name):
        return self.scratch(name, self.channels)

    @repeatable(when=lambda layer: not (layer._uses_batch or layer.needs_backward))
    def forward(self, bottom, top):
        bottom_data, top_data = bottom[0].data.reshape(-1), top[0].data.reshape(-1)
        slope, bias = (blob.data.reshape(-1) for blob in self.blobs[:2])
        if self._uses_batch:
            self._normalize_batch(bottom_data, top)
            bottom_data = top_data
        elif self.has_statistics:
            mean, variance = (blob.data.reshape(-1) for blob in self.blobs[2:])
            bn.read_deviation(variance, self.eps, self._statistic("deviation"))
            if self.frozen:
                slope, bias = self._fold(mean, slope, bias)
            else:
                normalized = self.scratch("normalized", top_data.size)
                run = sized(batch_norm.normalize_by_statistics, top_data.size)
                run(bottom_data, mean, self._statistic("deviation"), self.spatial, normalized)
                bottom_data = normalized
        elif bottom[0] is top[0] and self.needs_backward:
            self.scratch("normalized", top_data.size)[...] = bottom_data  # for the gradient of the scale
        sized(multiply_by_scale_and_add, top_data.size)(bottom_data, slope, bias, self.spatial, top_data)

    def _normalize_batch(self, bottom_data, top):
        mean, variance, deviation = (self._statistic(name) for name in ("mean", "variance", "deviation"))
        sized(batch_norm.normalize_batch, bottom_data.size)(
            bottom_data, self.num, self.spatial, self.eps, mean, variance, deviation,
            self.scratch("normalized", bottom_data.size), top[0].data.reshape(-1),
        )  # fmt: skip
        if self.has_statistics:
            bn.move_statistics(mean, variance, self.momentum, *(blob.data.reshape(-1) for blob in self.blobs[2:]))
        for blob, values in zip(top[1:], (mean, variance)):
            blob.data.reshape(-1)[...] = values

    def _fold(self, mean, slope, bias):
        factor, term = self._statistic("factor"), self._statistic("term")
        bn.fold_statistics(mean, self._statistic("deviation"), slope, bias, factor, term)
        return factor, term

    def backward(self, top, propagate_down, bottom):
        top_diff, bottom_diff = top[0].diff.reshape(-1), bottom[0].diff.reshape(-1)
        if not self.frozen:
            self._backward_params(top_diff, bottom, top)
        if not propagate_down[0]:
            return
        factor = self.blobs[0].data.reshape(-1)
        if self._uses_batch:
            run = sized(batch_norm.batch_backward, top_diff.size)
            normalized = self.scratch("normalized", top_diff.size)
            run(top_diff, normalized, self._statistic("deviation"), self.num, self.spatial, bottom_diff)
            top_diff = bottom_diff
        elif self.has_statistics:
            mean, bias = self.blobs[2].data.reshape(-1), self.blobs[1].data.reshape(-1)
            factor, _ = self._fold(mean, factor, bias)
        sized(multiply_by_scale, bottom_diff.size)(top_diff, factor, self.spatial, bottom_diff)

    def _backward_params(self, top_diff, bottom, top):
        if self.param_propagate_down[0]:
            is_kept = self._uses_batch or self.has_statistics or bottom[0] is top[0]
            values = self.scratch("normalized", top_diff.size) if is_kept else bottom[0].data.reshape(-1)
            run = sized(dot_to_scale, top_diff.size)
            run(top_diff, values, self.num, self.spatial, True, self.blobs[0].diff.reshape(-1))
        if self.param_propagate_down[1]:
            run = sized(sum_to_bias, top_diff.size)
            run(top_diff, self.num, self.spatial, True, self.blobs[1].diff.reshape(-1))
