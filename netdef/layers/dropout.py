"""Dropout. Source: Caffe src/caffe/layers/dropout_layer.cpp."""

from __future__ import annotations

import numpy as np

from netdef.kernels._size import sized
from netdef.kernels.dropout import dropout
from netdef.layer import Layer, exactly, register_layer
from prototxt import schema


@register_layer("Dropout")
class DropoutLayer(Layer):
    """In training, switches each unit off with a given probability and makes up for it in the others.

    Formula
        TRAIN: ``top = bottom * mask / (1 - p)``, mask 1 with probability 1 - p, else 0. TEST: ``top = bottom``.
    Bottom / Top
        1 → 1: any shape; the top may be the bottom.
    Learnable
        None.
    Fields
        dropout_ratio: p, a probability in [0, 1), 0.5 if not given.
    Raises
        LayerError when dropout_ratio is not in [0, 1).
    Source
        Caffe dropout_layer.cpp:12-65; Srivastava, Hinton, Krizhevsky, Sutskever and Salakhutdinov, "Dropout: a
        simple way to prevent neural networks from overfitting", JMLR 15, 2014.
    Differs from Caffe
        The mask is a hash of the layer's stream and the element's position: the same for the same seed, on any
        number of threads, and after a resume.
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
        self.scale = self.dtype.type(1.0 / (1.0 - ratio))
        self.threshold = np.uint64(int(ratio * 2.0**64))
        self.first = np.uint64(0)

    def reshape(self, bottom, top):
        top[0].reshape_like(bottom[0])

    def forward(self, bottom, top):
        if self.phase == schema.TRAIN:
            self.first = np.uint64(self.stream.take(bottom[0].count))
            self.run_dropout(bottom[0].data, top[0].data)
        elif top[0] is not bottom[0]:
            top[0].data[...] = bottom[0].data

    def backward(self, top, propagate_down, bottom):
        if not propagate_down[0]:
            return
        if self.phase == schema.TRAIN:
            self.run_dropout(top[0].diff, bottom[0].diff)
        elif top[0] is not bottom[0]:
            bottom[0].diff[...] = top[0].diff

    def run_dropout(self, source: np.ndarray, target: np.ndarray) -> None:
        """Apply the mask of the last forward pass."""
        run = sized(dropout, source.size)
        key = np.uint64(self.stream.key)
        run(source.reshape(-1), key, self.first, self.threshold, self.scale, target.reshape(-1))
