"""RBFLoss: the two criteria of LeNet-5. netdef's own."""

from __future__ import annotations

from math import isfinite

import numpy as np

from netdef.kernels._size import sized
from netdef.kernels.rbf import loss_to_distance, map_loss, mean_square_loss
from netdef.layer import LossLayer, register_layer
from netdef.layers._loss import MORE_CLASSES, check_labels, labels_of_items, refuse_label_gradient
from prototxt import schema


@register_layer("RBFLoss")
class RBFLossLayer(LossLayer):
    """The distance of each item from the target of its class, and, for MAP, the nearness of the other targets.

    Formula
        With y = bottom[0] and D = the label, the mean over the batch of ``y[D]`` for MEAN_SQUARE (equation 8) and of
        ``y[D] + log(exp(-j) + sum over i of exp(-y[i]))`` for MAP (equation 9). ``bottom[0].diff[n, i]`` is
        ``loss_weight / N * ([i is D] - p[i])``, p being 0 for MEAN_SQUARE and
        ``exp(-y[i]) / (exp(-j) + sum over k of exp(-y[k]))`` for MAP.
    Bottom / Top
        2 → 1: distances ``(N, C)``, 0 or more, as RBF makes them; labels, N of them, integers 0 to C - 1 → the loss,
        a scalar; with MAP it is above 0.
    Learnable
        None.
    Fields
        rbf_loss_param.criterion: MEAN_SQUARE if not given, or MAP · j: of MAP, the distance at which everything that
        is no class lies, 0.1 if not given: it keeps distances that are large already from being pushed further.
        MEAN_SQUARE needs fixed targets: if they learn too, all of them and the net can become equal, at loss 0.
    Raises
        LayerError when j is negative or not finite, there is not one label for each item, or the gradient of the
        labels is asked for. DataError at a label that is no class.
    Source
        netdef's own; LeCun, Bottou, Bengio and Haffner, "Gradient-based learning applied to document recognition",
        Proc. IEEE 86 (1998), equations 8 and 9.
    Differs from Caffe
        Caffe has no such type.
    """

    def layer_setup(self, bottom, top):
        super().layer_setup(bottom, top)
        fields = self.param.rbf_loss_param
        self.is_map, self.j = fields.criterion == schema.RBFLossParameter.MAP, float(fields.j)
        if not (0 <= self.j and isfinite(self.j)):
            self.fail(f"j is {self.j:g}; it must be a distance, 0 or more. Correct it.", "rbf_loss_param.j")

    def reshape(self, bottom, top):
        super().reshape(bottom, top)
        self.rows = labels_of_items(self, bottom)

    def forward(self, bottom, top):
        check_labels(self, bottom[1].data, self.rows[1], remedy=MORE_CLASSES)
        distance, label = bottom[0].data.reshape(self.rows), bottom[1].data.reshape(-1)
        if self.is_map:
            partial, share = self.scratch("partial", self.rows[0], np.float64), self.scratch("share", self.rows)
            loss = sized(map_loss, distance.size)(distance, label, self.j, partial, share)
        else:
            loss = mean_square_loss(distance, label)
        top[0].data[...] = loss / max(self.rows[0], 1)

    def backward(self, top, propagate_down, bottom):
        refuse_label_gradient(self, propagate_down)
        if propagate_down[0]:
            share = self.scratch("share", self.rows if self.is_map else (0, self.rows[1]))
            scale = self.dtype.type(self.loss_scale(top) / max(self.rows[0], 1))
            run = sized(loss_to_distance, bottom[0].count)
            run(share, bottom[1].data.reshape(-1), scale, bottom[0].diff.reshape(self.rows))
