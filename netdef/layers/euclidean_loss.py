"""EuclideanLoss. Source: Caffe src/caffe/layers/euclidean_loss_layer.cpp."""

from __future__ import annotations

import numpy as np

from netdef.kernels._size import sized
from netdef.kernels.loss import euclidean_backward, euclidean_forward, num_chunks
from netdef.layer import LossLayer, register_layer
from netdef.layers._axes import bottom_name


@register_layer("EuclideanLoss")
class EuclideanLossLayer(LossLayer):
    """Half the mean squared distance of two blobs, for regression.

    Formula
        ``E = 1 / (2 N) * sum (bottom[0] - bottom[1]) ** 2``;
        ``bottom[0].diff = loss_weight / N * (bottom[0] - bottom[1])``, bottom[1].diff its negative.
    Bottom / Top
        2 → 1: ``(N, …)`` predictions and targets with equally many elements, any values → the loss, a scalar ≥ 0.
    Learnable
        None.
    Fields
        None.
    Raises
        LayerError when the two differ in batch size or number of elements.
    Source
        Caffe euclidean_loss_layer.cpp:9-46.
    Differs from Caffe
        The loss of a batch without items is 0; Caffe's is NaN.
    """

    def allow_force_backward(self, bottom_index: int) -> bool:
        return True

    def reshape(self, bottom, top):
        super().reshape(bottom, top)
        if bottom[0].count != bottom[1].count:
            self.fail(
                f"{bottom_name(self, 0)} has shape {bottom[0].shape} and {bottom_name(self, 1)} has shape "
                f"{bottom[1].shape}; they must have equally many elements. Reshape one of them.",
                "bottom[1]",
            )

    def forward(self, bottom, top):
        count = bottom[0].count
        partial = self.scratch("partial", (num_chunks(count), 2), np.float64)
        difference = self.scratch("difference", count)
        run = sized(euclidean_forward, count)
        squares = run(bottom[0].data.reshape(-1), bottom[1].data.reshape(-1), partial, difference)
        top[0].data[...] = squares / max(bottom[0].shape[0], 1) / 2

    def backward(self, top, propagate_down, bottom):
        difference = self.scratch("difference", bottom[0].count)
        run = sized(euclidean_backward, difference.size)
        for i, sign in enumerate((1, -1)):
            if propagate_down[i]:
                scale = self.dtype.type(sign * self.loss_scale(top) / max(bottom[i].shape[0], 1))
                run(difference, scale, bottom[i].diff.reshape(-1))
