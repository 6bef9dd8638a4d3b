"""Input: blobs that the caller fills. Source: Caffe src/caffe/layers/input_layer.cpp."""

from __future__ import annotations

from netdef.layer import Layer, at_least, exactly, register_layer
from netdef.layers._axes import blob_shape, one_for_each


@register_layer("Input")
class InputLayer(Layer):
    """Makes blobs whose data the caller writes before a forward pass.

    Formula
        None.
    Bottom / Top
        None → 1 or more, of the shapes given; their data are whatever the caller put there.
    Learnable
        None.
    Fields
        shape.dim: sizes of the axes; one shape for all tops, or one for each. Without a shape the tops are scalars
        until the caller reshapes them.
    Raises
        LayerError when the number of shapes does not fit the tops or a shape is impossible.
    Source
        Caffe input_layer.cpp:8-24.
    Differs from Caffe
        A size of 0 is an error.
    """

    num_bottom, num_top = exactly(0), at_least(1)

    def layer_setup(self, bottom, top):
        shapes = one_for_each(self, self.param.input_param.shape, len(top), "input_param.shape", least=0)
        for blob, shape in zip(top, shapes):
            blob.reshape(blob_shape(self, shape.dim, "input_param.shape"))
