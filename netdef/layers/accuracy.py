"""Accuracy. Source: Caffe src/caffe/layers/accuracy_layer.cpp."""

from __future__ import annotations

import numpy as np

from netdef.kernels._size import sized
from netdef.kernels.accuracy import accuracy_hits, accuracy_tally
from netdef.layer import Layer, between, exactly, register_layer
from netdef.layers._loss import check_labels, ignored_label, scores_and_labels


@register_layer("Accuracy")
class AccuracyLayer(Layer):
    """The share of labels that are among the highest scores.

    Formula
        ``accuracy = mean over n of [fewer than top_k of the other classes have bottom[0][n, c] >= the label's]``.
    Bottom / Top
        2 → 1 or 2: scores ``(N, C, H, W)``, any values; labels, N * H * W of them in any shape, integers 0 to
        C - 1 → the accuracy, a scalar in [0, 1]; if a second top is named, the accuracy of each class, ``(C,)``, 0
        where no label has it.
    Learnable
        None.
    Fields
        top_k: how many of the highest scores count as right, 1 if not given · axis: the axis of the classes,
        1 if not given, negative ones count from the end · ignore_label: a label that is not counted.
    Raises
        LayerError when there is no such axis, the number of labels is wrong, or top_k is not a number of classes.
        DataError at a label that is no class.
    Source
        Caffe accuracy_layer.cpp:11-98.
    Differs from Caffe
        A label out of range is an error; Caffe reads past the scores. NaN as the label's score is a miss; Caffe counts
        a hit. With force_backward the layer is passed over; Caffe aborts.
    """

    num_bottom, num_top = exactly(2), between(1, 2)

    def allow_force_backward(self, bottom_index: int) -> bool:
        return False

    def layer_setup(self, bottom, top):
        self.ignore_label = ignored_label(self.param.accuracy_param)

    def reshape(self, bottom, top):
        fields = self.param.accuracy_param
        self.planes = scores_and_labels(self, bottom, fields.axis, "accuracy_param.axis")
        num_labels = self.planes[1]
        if not 1 <= fields.top_k <= num_labels:
            self.fail(
                f"top_k is {fields.top_k}; it must be from 1 to the number of classes, {num_labels}.",
                "accuracy_param.top_k",
            )
        top[0].reshape(())
        if len(top) > 1:
            top[1].reshape(num_labels)

    def forward(self, bottom, top):
        num_labels = self.planes[1]
        label = bottom[1].data
        check_labels(self, label, num_labels, self.ignore_label)
        label = label.reshape(-1)
        hits = self.scratch("hits", label.size, np.int32)
        run = sized(accuracy_hits, bottom[0].count)
        run(bottom[0].data.reshape(self.planes), label, self.ignore_label, self.param.accuracy_param.top_k, hits)
        per_class = top[1].data if len(top) > 1 else self.scratch("per_class", num_labels)
        accuracy_tally(label, hits, self.scratch("totals", num_labels), top[0].data.reshape(1), per_class)

    def backward(self, top, propagate_down, bottom):
        if any(propagate_down):
            self.fail(
                "a gradient was asked for; accuracy has none, it is a count. Take its loss_weight away, "
                "and let no layer that leads to a loss read its top.",
                "loss_weight",
            )
