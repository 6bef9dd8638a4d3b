"""ArgMax: where the greatest values are. Source: Caffe src/caffe/layers/argmax_layer.cpp."""

from __future__ import annotations

from netdef.kernels._size import sized
from netdef.kernels.arg_max import arg_max
from netdef.layer import Layer, exactly, register_layer
from netdef.layers._axes import bottom_name, canonical_axis, refuse_in_place


@register_layer("ArgMax")
class ArgMaxLayer(Layer):
    """The places of the greatest values, of each item or along an axis, or the values.

    Formula
        ``top = the places of the top_k greatest values``, the greatest first; among equals the later one first.
    Bottom / Top
        1 → 1. Without axis, an item's places count over all of it: ``(N, C, H, W)`` → ``(N, 1, top_k, 1)``, with
        out_max_val ``(N, 2, top_k, 1)``, places and values. With axis 1: ``(N, top_k, H, W)``, places or, with
        out_max_val, values.
    Learnable
        None.
    Fields
        top_k: how many, 1 if not given · axis: negative counts from the end; not given: over a whole item ·
        out_max_val: whether the values are put out.
    Raises
        LayerError when there is no such axis, top_k is 0 or more than there are values, the top is also the
        bottom, or a gradient is asked for.
    Source
        Caffe argmax_layer.cpp:10-96.
    Differs from Caffe
        With force_backward the layer is passed over; Caffe aborts.
    """

    num_bottom, num_top = exactly(1), exactly(1)

    def allow_force_backward(self, bottom_index: int) -> bool:
        return False

    def layer_setup(self, bottom, top):
        refuse_in_place(self, bottom, top)
        self.fields = self.param.argmax_param

    def reshape(self, bottom, top):
        blob, top_k = bottom[0], self.fields.top_k
        if not blob.shape:
            self.fail(f"{bottom_name(self, 0)} has shape (), no axes; a scalar has no items. Reshape it.", "bottom")
        if self.fields.HasField("axis"):
            axis = canonical_axis(self, self.fields.axis, blob, "argmax_param.axis")
            self.planes = (blob.count_from(0, axis), blob.shape[axis], blob.count_from(axis + 1))
            shape = (*blob.shape[:axis], top_k, *blob.shape[axis + 1 :])
            where = f"along axis {axis}"
        else:
            self.planes = (blob.shape[0], blob.count_from(1), 1)
            channels = 2 if self.fields.out_max_val else 1
            shape = (blob.shape[0], channels, top_k) + (1,) * (len(blob.shape) - 3)
            where = "in an item"
        if not 1 <= top_k <= self.planes[1]:
            self.fail(
                f"top_k is {top_k} but {bottom_name(self, 0)} has shape {blob.shape}, {self.planes[1]} values {where}; "
                f"top_k must be from 1 to {self.planes[1]}. Correct it.",
                "argmax_param.top_k",
            )
        top[0].reshape(shape)

    def forward(self, bottom, top):
        outer, _, inner = self.planes
        ranks = (outer, self.fields.top_k, inner)
        place, value = self.scratch("place", ranks), self.scratch("value", ranks)
        sized(arg_max, bottom[0].count)(bottom[0].data.reshape(self.planes), place, value)
        if self.fields.HasField("axis"):
            top[0].data.reshape(ranks)[...] = value if self.fields.out_max_val else place
            return
        both = top[0].data.reshape(outer, top[0].shape[1], self.fields.top_k)
        both[:, 0] = place[:, :, 0]
        if self.fields.out_max_val:
            both[:, 1] = value[:, :, 0]

    def backward(self, top, propagate_down, bottom):
        if propagate_down[0]:
            self.fail(
                "a gradient was asked for; places have none. Let no layer that leads to a loss read its top, "
                "or set propagate_down to false.",
                "type",
            )
