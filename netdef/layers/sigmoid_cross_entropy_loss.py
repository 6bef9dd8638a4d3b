"""SigmoidCrossEntropyLoss. Source: Caffe src/caffe/layers/sigmoid_cross_entropy_loss_layer.cpp."""

from __future__ import annotations

import numpy as np

from netdef.kernels._size import sized
from netdef.kernels.loss import num_chunks, sigmoid_cross_entropy_backward, sigmoid_cross_entropy_forward
from netdef.layer import LossLayer, register_layer
from netdef.layers._axes import bottom_name
from netdef.layers._loss import (
    check_fixed_normalizer,
    ignored_label,
    normalization_mode,
    normalizer,
    refuse_label_gradient,
)
from prototxt import schema


@register_layer("SigmoidCrossEntropyLoss")
class SigmoidCrossEntropyLossLayer(LossLayer):
    """Cross entropy of the sigmoid of each score and a target probability: many yes-or-no questions at once.

    Formula
        ``E = - 1 / Z * sum (t * log(p) + (1 - t) * log(1 - p))``, ``p = 1 / (1 + exp(-bottom[0]))``,
        ``t = bottom[1]``, Z by normalization; ``bottom[0].diff = loss_weight / Z * (p - t)``, 0 for ignored targets.
    Bottom / Top
        2 → 1: scores ``(N, …)``, any values; targets, equally many, in [0, 1] → the loss, a scalar.
    Learnable
        None.
    Fields
        loss_param.ignore_label: targets with this whole part have no loss · loss_param.normalization: Z is
        FULL: the number of targets, VALID: of targets not ignored, BATCH_SIZE (the default): N, NONE: 1, and never
        below 1, PRE_FIXED (of forks): loss_param.pre_fixed_normalizer · loss_param.normalize: older, true is VALID and
        false BATCH_SIZE.
    Raises
        LayerError when the two differ in batch size or number of elements.
    Source
        Caffe sigmoid_cross_entropy_loss_layer.cpp:10-131.
    Differs from Caffe
        Nothing.
    """

    def layer_setup(self, bottom, top):
        super().layer_setup(bottom, top)
        self.ignore_label = ignored_label(self.param.loss_param)
        self.mode = normalization_mode(self.param.loss_param, schema.LossParameter.BATCH_SIZE)
        check_fixed_normalizer(self)
        self.divisor = 1.0

    def reshape(self, bottom, top):
        super().reshape(bottom, top)
        if bottom[0].count != bottom[1].count:
            self.fail(
                f"{bottom_name(self, 0)} has shape {bottom[0].shape} and {bottom_name(self, 1)} has shape "
                f"{bottom[1].shape}; there must be one target for each score. Reshape one of them.",
                "bottom[1]",
            )

    def forward(self, bottom, top):
        count = bottom[0].count
        partial = self.scratch("partial", (num_chunks(count), 2), np.float64)
        run = sized(sigmoid_cross_entropy_forward, count)
        loss, valid = run(bottom[0].data.reshape(-1), bottom[1].data.reshape(-1), self.ignore_label, partial)
        self.divisor = normalizer(
            self.mode, bottom[0].shape[0], count, valid, self.param.loss_param.pre_fixed_normalizer
        )
        top[0].data[...] = loss / self.divisor

    def backward(self, top, propagate_down, bottom):
        refuse_label_gradient(self, propagate_down)
        if not propagate_down[0]:
            return
        scores, target = bottom[0].data.reshape(-1), bottom[1].data.reshape(-1)
        scale = self.dtype.type(self.loss_scale(top) / self.divisor)
        run = sized(sigmoid_cross_entropy_backward, scores.size)
        run(scores, target, self.ignore_label, scale, bottom[0].diff.reshape(-1))
