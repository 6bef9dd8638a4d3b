"""SmoothL1Loss. Source: Fast R-CNN's Caffe fork, src/caffe/layers/smooth_L1_loss_layer.cpp and .cu; SSD's."""

from __future__ import annotations

import numpy as np

from netdef.kernels._size import sized
from netdef.kernels.distance_loss import smooth_l1_backward, smooth_l1_forward
from netdef.kernels.loss import num_chunks
from netdef.layer import LossLayer, between, register_layer
from netdef.layers._axes import bottom_name


@register_layer("SmoothL1Loss")
class SmoothL1LossLayer(LossLayer):
    """A distance that is quadratic near 0 and linear further off, for regressing boxes.

    Formula
        ``E = 1 / N * sum of w_out * f(w_in * (bottom[0] - bottom[1]))``, ``f(d) = (sigma * d)**2 / 2`` where
        ``|d| < 1 / sigma**2``, else ``|d| - 1 / (2 sigma**2)``;
        ``bottom[0].diff = loss_weight / N * w_in * w_out * f'(d)``, bottom[1].diff its negative.
    Bottom / Top
        2 to 4 → 1: predictions and targets ``(N, …)``, any values; w_in and w_out of the same shape, 1 where they
        are not given → the loss, a scalar.
    Learnable
        None.
    Fields
        smooth_l1_loss_param.sigma: where the loss turns linear, 1 if not given; not 0.
    Raises
        LayerError when the shapes differ, sigma is 0, or the gradient of a weight is asked for.
    Source
        Fast R-CNN's Caffe fork, smooth_L1_loss_layer.cpp and smooth_L1_loss_layer.cu; SSD's, with one weight;
        Girshick (2015), section 2.3.
    Differs from Caffe
        Caffe master has no such type. The weights enter the gradient; SSD's leaves them out, which makes no
        difference where they are 0 or 1.
    """

    num_bottom = between(2, 4)

    def allow_force_backward(self, bottom_index: int) -> bool:
        return bottom_index < 2

    def layer_setup(self, bottom, top):
        super().layer_setup(bottom, top)
        sigma = self.param.smooth_l1_loss_param.sigma
        if sigma == 0:
            self.fail("sigma is 0; the loss would be 0 everywhere. Give another sigma.", "smooth_l1_loss_param.sigma")
        self.sigma2 = self.dtype.type(sigma * sigma)

    def reshape(self, bottom, top):
        super().reshape(bottom, top)
        for index, blob in enumerate(bottom[1:], 1):
            if blob.shape[:1] != bottom[0].shape[:1] or blob.count != bottom[0].count:
                self.fail(
                    f"{bottom_name(self, 0)} has shape {bottom[0].shape} and {bottom_name(self, index)} has shape "
                    f"{blob.shape}; they must have equally many values. Reshape one of them.",
                    f"bottom[{index}]",
                )

    def _weights(self, bottom) -> list[np.ndarray]:
        """w_in and w_out; empty where they are 1."""
        given = [blob.data.reshape(-1) for blob in bottom[2:]]
        return given + [self.scratch("none", 0)] * (2 - len(given))

    def forward(self, bottom, top):
        first, second = (blob.data.reshape(-1) for blob in bottom[:2])
        partial = self.scratch("partial", (num_chunks(first.size), 2), np.float64)
        difference = self.scratch("difference", first.size)
        run = sized(smooth_l1_forward, first.size)
        loss = run(first, second, *self._weights(bottom), self.sigma2, partial, difference)
        top[0].data[...] = loss / max(bottom[0].shape[0], 1)

    def backward(self, top, propagate_down, bottom):
        for index, wanted in enumerate(propagate_down[2:], 2):
            if wanted:
                self.fail(
                    f"the gradient with respect to {bottom_name(self, index)}, weights, was asked for; there is none. "
                    "Set propagate_down to false for it.",
                    f"bottom[{index}]",
                )
        difference = self.scratch("difference", bottom[0].count)
        run = sized(smooth_l1_backward, difference.size)
        for index, sign in enumerate((1, -1)):
            if propagate_down[index]:
                scale = self.dtype.type(sign * self.loss_scale(top) / max(bottom[0].shape[0], 1))
                run(difference, *self._weights(bottom), self.sigma2, scale, bottom[index].diff.reshape(-1))
