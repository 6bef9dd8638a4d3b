"""ContrastiveLoss. Source: Caffe src/caffe/layers/contrastive_loss_layer.cpp."""

from __future__ import annotations

from netdef.kernels._size import sized
from netdef.kernels.distance_loss import contrastive_backward, contrastive_forward
from netdef.layer import LossLayer, exactly, register_layer
from netdef.layers._axes import bottom_name


@register_layer("ContrastiveLoss")
class ContrastiveLossLayer(LossLayer):
    """Pulls similar pairs together and pushes others apart up to a margin, for siamese nets.

    Formula
        ``E = 1 / (2 N) * sum over n of y d**2 + (1 - y) max(margin - d, 0)**2``, ``d = |a[n] - b[n]|``, y whether the
        pair is similar; in the legacy version the second term is ``max(margin - d**2, 0)``.
        ``a.diff = loss_weight / N * (a - b)`` of similar pairs, ``- loss_weight / N * (margin - d) / (d + 1e-4) *
        (a - b)`` of others within the margin (legacy: without the quotient), 0 beyond; b.diff its negative.
    Bottom / Top
        3 → 1: a and b ``(N, C)``, any values, further axes of size 1; y, N values, 0 for pairs that are not
        similar → the loss, a scalar ≥ 0.
    Learnable
        None.
    Fields
        contrastive_loss_param.margin: distance from which a pair that is not similar costs nothing, 1 if not
        given · legacy_version: false if not given.
    Raises
        LayerError when the shapes do not fit, or the gradient of y is asked for.
    Source
        Caffe contrastive_loss_layer.cpp:9-111; Hadsell, Chopra and LeCun (2006).
    Differs from Caffe
        A gradient of y that is asked for is an error; Caffe leaves there what was before. The loss of a batch without
        items is 0; Caffe's is NaN.
    """

    num_bottom = exactly(3)

    def allow_force_backward(self, bottom_index: int) -> bool:
        return bottom_index != 2

    def layer_setup(self, bottom, top):
        super().layer_setup(bottom, top)
        fields = self.param.contrastive_loss_param
        self.margin, self.is_legacy = self.dtype.type(fields.margin), fields.legacy_version

    def reshape(self, bottom, top):
        super().reshape(bottom, top)
        self.rows = (bottom[0].shape[0], bottom[0].count_from(1))
        self.divisor = max(self.rows[0], 1)
        for index in (0, 1):
            shape = bottom[index].shape
            if any(size != 1 for size in shape[2:]):
                self.fail(
                    f"{bottom_name(self, index)} has shape {shape}; it must have one row of values for each item, "
                    "(N, C) or (N, C, 1, 1). Flatten it.",
                    f"bottom[{index}]",
                )
        if bottom[0].count != bottom[1].count:
            self.fail(
                f"{bottom_name(self, 0)} has shape {bottom[0].shape} and {bottom_name(self, 1)} has shape "
                f"{bottom[1].shape}; they must have equally many channels. Make them equal.",
                "bottom[1]",
            )
        if bottom[2].count != self.rows[0]:
            self.fail(
                f"{bottom_name(self, 2)} has shape {bottom[2].shape}, {bottom[2].count} values; there are "
                f"{self.rows[0]} pairs, and each must have one. Change its shape.",
                "bottom[2]",
            )

    def forward(self, bottom, top):
        first, second = (blob.data.reshape(self.rows) for blob in bottom[:2])
        difference, distance = self.scratch("difference", self.rows), self.scratch("distance", self.rows[0])
        run = sized(contrastive_forward, first.size)
        pairs = bottom[2].data.reshape(-1), self.margin, self.is_legacy
        top[0].data[...] = run(first, second, *pairs, difference, distance) / self.divisor / 2

    def backward(self, top, propagate_down, bottom):
        if propagate_down[2]:
            self.fail(
                f"the gradient with respect to {bottom_name(self, 2)}, which pairs are similar, was asked for; there "
                "is none. Set propagate_down to false for it.",
                "bottom[2]",
            )
        difference, distance = self.scratch("difference", self.rows), self.scratch("distance", self.rows[0])
        run = sized(contrastive_backward, difference.size)
        pairs = bottom[2].data.reshape(-1), self.margin, self.is_legacy
        for index, sign in enumerate((1, -1)):
            if propagate_down[index]:
                scale = self.dtype.type(sign * self.loss_scale(top) / self.divisor)
                run(difference, distance, *pairs, scale, bottom[index].diff.reshape(self.rows))
