"""HingeLoss. Source: Caffe src/caffe/layers/hinge_loss_layer.cpp."""

from __future__ import annotations

import numpy as np

from netdef.kernels._size import sized
from netdef.kernels.class_loss import hinge_backward, hinge_forward
from netdef.kernels.loss import num_chunks
from netdef.layer import LossLayer, register_layer
from netdef.layers._loss import MORE_CLASSES, check_labels, labels_of_items, refuse_label_gradient
from prototxt import schema


@register_layer("HingeLoss")
class HingeLossLayer(LossLayer):
    """The hinge loss of one class against all others, of support vector machines.

    Formula
        ``E = 1 / N * sum over n and c of m[n, c] ** p``, ``m = max(0, 1 - bottom[0])`` at the label and
        ``max(0, 1 + bottom[0])`` at all other classes, p = 1 or 2;
        ``bottom[0].diff = loss_weight / N * [m > 0]``, or ``2 * loss_weight / N * m``, negative at the label.
    Bottom / Top
        2 → 1: scores ``(N, C)``, further axes count as classes; labels, N of them, integers 0 to C - 1 → the loss, a
        scalar.
    Learnable
        None.
    Fields
        hinge_loss_param.norm: L1 (p = 1, the default) or L2 (p = 2).
    Raises
        LayerError when there is not one label for each item, or the gradient of the labels is asked for. DataError
        at a label that is no class.
    Source
        Caffe hinge_loss_layer.cpp:9-73.
    Differs from Caffe
        A label out of range is an error; Caffe writes past the scores. A score of NaN gives a loss of NaN; Caffe takes
        it for a margin of 0. The loss of a batch without items is 0; Caffe's is NaN. The forward pass leaves the
        bottom's diff alone.
    """

    def reshape(self, bottom, top):
        super().reshape(bottom, top)
        self.rows = labels_of_items(self, bottom)
        self.divisor = max(self.rows[0], 1)

    def forward(self, bottom, top):
        label = bottom[1].data
        check_labels(self, label, self.rows[1], remedy=MORE_CLASSES)
        count = bottom[0].count
        partial = self.scratch("partial", (num_chunks(count), 2), np.float64)
        margin = self.scratch("margin", self.rows)
        run = sized(hinge_forward, count)
        sums = run(bottom[0].data.reshape(self.rows), label.reshape(-1), partial, margin)
        top[0].data[...] = sums[int(self._is_squared())] / self.divisor

    def backward(self, top, propagate_down, bottom):
        refuse_label_gradient(self, propagate_down)
        if propagate_down[0]:
            scale = self.dtype.type(self.loss_scale(top) / self.divisor)
            margin, label = self.scratch("margin", self.rows), bottom[1].data.reshape(-1)
            run = sized(hinge_backward, margin.size)
            run(margin, label, self._is_squared(), scale, bottom[0].diff.reshape(self.rows))

    def _is_squared(self) -> bool:
        return self.param.hinge_loss_param.norm == schema.HingeLossParameter.L2
