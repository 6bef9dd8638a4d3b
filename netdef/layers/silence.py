"""Silence: a reader for blobs that nobody reads. Source: Caffe src/caffe/layers/silence_layer.cpp."""

from __future__ import annotations

from netdef.layer import Layer, at_least, exactly, register_layer


@register_layer("Silence")
class SilenceLayer(Layer):
    """Takes blobs and gives nothing, so that they do not count as outputs of the net.

    Formula
        None; ``bottom[i].diff = 0``.
    Bottom / Top
        1 or more, of any shapes → none.
    Learnable
        None.
    Fields
        None.
    Raises
        Nothing of its own.
    Source
        Caffe silence_layer.cpp:9-17.
    Differs from Caffe
        Nothing.
    """

    num_bottom, num_top = at_least(1), exactly(0)

    def backward(self, top, propagate_down, bottom):
        for blob, wanted in zip(bottom, propagate_down):
            if wanted:
                blob.diff[...] = 0
