"""Split: one blob for several readers. Source: Caffe src/caffe/layers/split_layer.cpp."""

from __future__ import annotations

from netdef.kernels import split as kernels
from netdef.kernels._size import sized
from netdef.layer import Layer, at_least, exactly, register_layer, repeatable
from netdef.layers._axes import refuse_in_place


@register_layer("Split")
class SplitLayer(Layer):
    """Hands one bottom to several tops and adds up their gradients; nets insert it where a blob is read twice.

    Formula
        ``top[i] = bottom``; ``bottom.diff = sum over i of top[i].diff``, i upwards.
    Bottom / Top
        1 → 1 or more; all of one shape, any number of axes. The tops share the bottom's data memory.
    Learnable
        None.
    Fields
        None.
    Raises
        LayerError when a top is also the bottom.
    Source
        Caffe split_layer.cpp:9-54.
    Differs from Caffe
        Nothing.
    """

    num_bottom, num_top = exactly(1), at_least(1)

    def layer_setup(self, bottom, top):
        refuse_in_place(self, bottom, top)

    def reshape(self, bottom, top):
        for blob in top:
            blob.reshape_like(bottom[0])

    @repeatable
    def forward(self, bottom, top):
        for blob in top:
            blob.share_data(bottom[0])

    def backward(self, top, propagate_down, bottom):
        if not propagate_down[0]:
            return
        bottom_diff = bottom[0].diff.reshape(-1)
        if len(top) == 1:
            bottom[0].diff[...] = top[0].diff
            return
        add = sized(kernels.add, bottom_diff.size)
        add(top[0].diff.reshape(-1), top[1].diff.reshape(-1), bottom_diff)
        for blob in top[2:]:
            add(bottom_diff, blob.diff.reshape(-1), bottom_diff)
