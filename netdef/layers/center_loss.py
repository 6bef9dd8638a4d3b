"""CenterLoss. Source: caffe-face, a Caffe fork, src/caffe/layers/center_loss_layer.cpp."""

from __future__ import annotations

import numpy as np

from netdef.kernels._size import sized
from netdef.kernels.distance_loss import center_backward, center_forward
from netdef.kernels.eltwise import multiply_by
from netdef.layer import LossLayer, register_layer
from netdef.layers._axes import bottom_name, canonical_axis
from netdef.layers._loss import check_labels, labels_of_items, refuse_label_gradient


@register_layer("CenterLoss")
class CenterLossLayer(LossLayer):
    """Pulls the features of each class towards a learned centre, beside a loss that keeps the classes apart.

    Formula
        ``E = 1 / (2 N) * sum over n of |bottom[0][n] - center[label[n]]| ** 2``;
        ``bottom[0].diff[n] = loss_weight / N * (bottom[0][n] - center[label[n]])``; ``center.diff[c]`` gets
        ``sum over the n of class c of (center[c] - bottom[0][n]) / (1 + their number)``, whatever the loss weight.
    Bottom / Top
        2 → 1: features ``(N, …)``, any values; labels, N of them, integers 0 to num_output - 1 → the loss, a
        scalar ≥ 0.
    Learnable
        center ``(num_output, K)``, K values an item.
    Fields
        center_loss_param.num_output: number of classes · axis: the first axis of an item, 1 if not given, which is
        also the only one that there can be · center_filler.
    Raises
        LayerError when num_output is missing or 0, axis is not 1, there is not one label for each item, the size of
        an item changes after set-up, or the gradient of the labels is asked for. DataError at a label that is no
        class.
    Source
        caffe-face, a Caffe fork, center_loss_layer.cpp:9-115; Wen, Zhang, Li and Qiao (2016).
    Differs from Caffe
        Caffe master has no such type. A label out of range is an error. The centres' gradient is added, as with every
        other type, so that iter_size above 1 works; the fork overwrites it.
    """

    def layer_setup(self, bottom, top):
        super().layer_setup(bottom, top)
        fields = self.param.center_loss_param
        if fields.num_output < 1:
            found = "is 0" if fields.HasField("num_output") else "is missing"
            self.fail(
                f"num_output {found}; it must say how many classes there are, at least 1. Set num_output.",
                "center_loss_param.num_output",
            )
        axis = canonical_axis(self, fields.axis, bottom[0], "center_loss_param.axis")
        if axis != 1:
            self.fail(
                f"axis is {fields.axis}, axis {axis} of {bottom_name(self, 0)} with shape {bottom[0].shape}; items are "
                "counted along axis 0, so that it must be 1. Set axis to 1.",
                "center_loss_param.axis",
            )
        self.depth = bottom[0].count_from(1)
        self.add_param((fields.num_output, self.depth), fields.center_filler, "center_loss_param.center_filler")

    def reshape(self, bottom, top):
        super().reshape(bottom, top)
        self.rows = labels_of_items(self, bottom)
        self.divisor = max(self.rows[0], 1)
        if self.rows[1] != self.depth:
            self.fail(
                f"{bottom_name(self, 0)} now has shape {bottom[0].shape}, {self.rows[1]} values an item; the centres "
                f"were made for {self.depth}. Change the first axis only.",
                "bottom[0]",
            )

    def forward(self, bottom, top):
        label = bottom[1].data
        center = self.blobs[0].data.reshape(-1, self.depth)
        check_labels(self, label, center.shape[0], remedy="Correct the label or raise num_output.")
        difference, partial = self.scratch("difference", self.rows), self.scratch("partial", self.rows[0], np.float64)
        run = sized(center_forward, difference.size)
        squares = run(bottom[0].data.reshape(self.rows), label.reshape(-1), center, partial, difference)
        top[0].data[...] = squares / self.divisor / 2

    def backward(self, top, propagate_down, bottom):
        refuse_label_gradient(self, propagate_down)
        difference = self.scratch("difference", self.rows)
        if self.param_propagate_down[0]:
            center_diff = self.blobs[0].diff.reshape(-1, self.depth)
            run = sized(center_backward, difference.size)
            run(difference, bottom[1].data.reshape(-1), self.scratch("count", center_diff.shape[0]), center_diff)
        if propagate_down[0]:
            scale = self.dtype.type(self.loss_scale(top) / self.divisor)
            run = sized(multiply_by, difference.size)
            run(scale, difference.reshape(-1), bottom[0].diff.reshape(-1))
