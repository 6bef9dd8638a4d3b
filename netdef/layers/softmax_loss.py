"""SoftmaxWithLoss. Source: Caffe src/caffe/layers/softmax_loss_layer.cpp."""

from __future__ import annotations

import numpy as np

from netdef.kernels._size import sized
from netdef.kernels.loss import (
    checked_softmax_loss,
    num_chunks,
    softmax_loss_backward,
    softmax_loss_forward,
    weigh_by_class,
    weighted_softmax_loss_forward,
)
from netdef.kernels.softmax import softmax_forward
from netdef.layer import LossLayer, between, register_layer
from netdef.layers._loss import (
    check_fixed_normalizer,
    check_labels,
    ignored_label,
    normalization_mode,
    normalizer,
    refuse_label,
    refuse_label_gradient,
    scores_and_labels,
)
from prototxt import schema


@register_layer("SoftmaxWithLoss")
class SoftmaxWithLossLayer(LossLayer):
    """Cross entropy of the softmax of scores and a label each.

    Formula
        ``E = - 1 / Z * sum over n of log(prob[n, label[n]])``, ``prob = softmax(bottom[0])``, Z by normalization;
        ``bottom_diff[n, c] = loss_weight / Z * (prob[n, c] - [c == label[n]])``, 0 for ignored labels.
        With class weights w both terms of label n are multiplied by ``w[label[n]]``; Z stays as it is.
    Bottom / Top
        2 → 1 or 2: scores ``(N, C, H, W)``, any values; labels, N * H * W of them in any shape that begins with N,
        integers 0 to C - 1 → the loss, a scalar; if a second top is named, prob, shaped as the scores.
    Learnable
        None.
    Fields
        softmax_param.axis: the axis of the classes, 1 if not given · loss_param.ignore_label: a label without
        loss · loss_param.normalization: Z is FULL: the number of labels, VALID (the default): of labels not
        ignored, BATCH_SIZE: N, NONE: 1, and never below 1, PRE_FIXED (of forks):
        loss_param.pre_fixed_normalizer · loss_param.normalize: older, true is VALID and false BATCH_SIZE ·
        loss_param.class_weight: w, one factor of 0 or more for each class; all 1 if not given.
    Raises
        LayerError when there is no such axis or the number of labels or of class weights is wrong. DataError at a
        label that is no class.
    Source
        Caffe softmax_loss_layer.cpp:11-149.
    Differs from Caffe
        A label out of range is an error; Caffe reads past the scores. With two tops loss_weight may be left out
        and is 1 and 0 then; Caffe wants both. Caffe has no class weights.
    """

    num_top = between(1, 2)
    takes_class_weights = True

    def layer_setup(self, bottom, top):
        given = len(self.param.loss_weight)
        super().layer_setup(bottom, top)
        if not given and len(top) > 1:
            self.param.loss_weight.append(0.0)
        self.ignore_label = ignored_label(self.param.loss_param)
        self.mode = normalization_mode(self.param.loss_param, schema.LossParameter.VALID)
        check_fixed_normalizer(self)
        self.fixed_normalizer = self.param.loss_param.pre_fixed_normalizer
        self.class_weight = np.array(self.param.loss_param.class_weight, self.dtype)
        self.divisor = 1.0

    def reshape(self, bottom, top):
        super().reshape(bottom, top)
        self.planes = scores_and_labels(self, bottom, self.param.softmax_param.axis, "softmax_param.axis")
        if len(top) > 1:
            top[1].reshape_like(bottom[0])
        self.check_class_weights(self.planes[1])

    def check_class_weights(self, num_labels: int) -> None:
        weights = self.class_weight
        if weights.size not in (0, num_labels):
            self.fail(
                f"has {weights.size} class_weight for {num_labels} classes; give one for each class or none.",
                "loss_param.class_weight",
            )
        wrong = np.flatnonzero(~(np.isfinite(weights) & (weights >= 0)))
        if wrong.size:
            self.fail(
                f"class_weight {wrong[0]} is {weights[wrong[0]]:g}; expected 0 or more. Change it.",
                f"loss_param.class_weight[{wrong[0]}]",
            )

    def forward(self, bottom, top):
        outer, num_labels, inner = self.planes
        label, scores = bottom[1].data, bottom[0].data.reshape(self.planes)
        prob = self.prob(top)
        scale = self.scratch("scale", (outer, inner))
        partial = self.scratch("partial", (num_chunks(label.size), 2), np.float64)
        softmax = sized(softmax_forward, prob.size)
        if softmax is softmax_forward.serial and not self.class_weight.size:
            bad, loss, valid = checked_softmax_loss(scores, label.reshape(-1), self.ignore_label, scale, prob, partial)
            if bad >= 0:
                refuse_label(self, label, bad, num_labels)
        else:
            check_labels(self, label, num_labels, self.ignore_label)
            softmax(scores, scale, prob)
            loss, valid = self._sums(prob, label.reshape(-1), partial)
        self.divisor = normalizer(self.mode, outer, outer * inner, valid, self.fixed_normalizer)
        top[0].data[...] = loss / self.divisor

    def _sums(self, prob, label, partial):
        """(loss, number of labels that count), as the kernels give them."""
        if self.class_weight.size:
            run = sized(weighted_softmax_loss_forward, label.size)
            return run(prob, label, self.ignore_label, self.class_weight, partial)
        return sized(softmax_loss_forward, label.size)(prob, label, self.ignore_label, partial)

    def backward(self, top, propagate_down, bottom):
        refuse_label_gradient(self, propagate_down)
        if not propagate_down[0]:
            return
        prob = self.prob(top)
        label = bottom[1].data.reshape(-1)
        scale = self.dtype.type(self.loss_scale(top) / self.divisor)
        run = sized(softmax_loss_backward, prob.size)
        bottom_diff = bottom[0].diff.reshape(self.planes)
        run(prob, label, self.ignore_label, scale, bottom_diff)
        if self.class_weight.size:
            sized(weigh_by_class, prob.size)(label, self.ignore_label, self.class_weight, bottom_diff)

    def prob(self, top) -> np.ndarray:
        """Where the softmax is kept between forward and backward: the second top if there is one."""
        return top[1].data.reshape(self.planes) if len(top) > 1 else self.scratch("prob", self.planes)
