"""Dropout. Source: Caffe src/caffe/layers/dropout_layer.cpp."""

from __future__ import annotations

import numpy as np

from netdef.kernels._size import sized
from netdef.kernels.dropout import dropout
from netdef.kernels.eltwise import multiply_by
from netdef.layer import Layer, exactly, register_layer, repeatable
from prototxt import schema


@register_layer("Dropout")
class DropoutLayer(Layer):
    """In training, switches each unit off with a given probability and makes up for it in the others.

    Formula
        TRAIN: ``top = bottom * mask / (1 - p)``, mask 1 with probability 1 - p, else 0. TEST: ``top = bottom``.
        Without scale_train: ``top = bottom * mask`` and ``top = bottom * (1 - p)``.
    Bottom / Top
        1 → 1: any shape; the top may be the bottom.
    Learnable
        None.
    Fields
        dropout_ratio: p, a probability in [0, 1), 0.5 if not given · scale_train (of forks): whether TRAIN makes up
        for the units switched off, true if not given, or TEST.
    Raises
        LayerError when dropout_ratio is not in [0, 1).
    Source
        Caffe dropout_layer.cpp:12-65; Srivastava, Hinton, Krizhevsky, Sutskever and Salakhutdinov, "Dropout: a
        simple way to prevent neural networks from overfitting", JMLR 15, 2014.
    Differs from Caffe
        The mask is a hash of the layer's stream and the element's position: the same for the same seed, on any
        number of threads, and after a resume. Caffe has no scale_train.
    """

    num_bottom, num_top = exactly(1), exactly(1)
    uses_random = True

    def layer_setup(self, bottom, top):
        ratio = self.param.dropout_param.dropout_ratio
        if not 0 <= ratio < 1:
            self.fail(
                f"dropout_ratio is {ratio:g}; it must be at least 0 and less than 1, "
                "the probability that a unit is switched off.",
                "dropout_param.dropout_ratio",
            )
        scale_train = self.param.dropout_param.scale_train
        self.scale = self.dtype.type(1.0 / (1.0 - ratio) if scale_train else 1.0)
        self.test_scale = self.dtype.type(1.0 if scale_train else 1.0 - ratio)
        self.threshold = np.uint64(int(ratio * 2.0**64))
        self.first = np.uint64(0)

    def reshape(self, bottom, top):
        top[0].reshape_like(bottom[0])

    @repeatable(when=lambda layer: layer.phase == schema.TEST)
    def forward(self, bottom, top):
        if self.phase == schema.TRAIN:
            self.first = np.uint64(self.stream.take(bottom[0].count))
            self.run_dropout(bottom[0].data, top[0].data)
        else:
            self.scale_test(bottom[0].data, top[0].data)

    def backward(self, top, propagate_down, bottom):
        if not propagate_down[0]:
            return
        if self.phase == schema.TRAIN:
            self.run_dropout(top[0].diff, bottom[0].diff)
        else:
            self.scale_test(top[0].diff, bottom[0].diff)

    def scale_test(self, source: np.ndarray, target: np.ndarray) -> None:
        """What TEST does; nothing where source and target are one and the factor is 1."""
        if self.test_scale != 1 or source is not target:
            sized(multiply_by, source.size)(self.test_scale, source.reshape(-1), target.reshape(-1))

    def run_dropout(self, source: np.ndarray, target: np.ndarray) -> None:
        """Apply the mask of the last forward pass."""
        run = sized(dropout, source.size)
        key = np.uint64(self.stream.key)
        run(source.reshape(-1), key, self.first, self.threshold, self.scale, target.reshape(-1))
