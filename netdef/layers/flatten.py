"""Flatten: several axes made one. Source: Caffe src/caffe/layers/flatten_layer.cpp."""

from __future__ import annotations

from netdef.layer import Layer, exactly, register_layer, repeatable
from netdef.layers._axes import bottom_name, canonical_axis, refuse_in_place


@register_layer("Flatten")
class FlattenLayer(Layer):
    """Joins neighbouring axes into one; values stay where they are.

    Formula
        ``top = bottom`` with axes ``axis`` to ``end_axis`` replaced by their product.
    Bottom / Top
        1 → 1: ``(N, C, H, W)`` → ``(N, C * H * W)``. Both share data, and after backward diff.
    Learnable
        None.
    Fields
        axis: first axis to join, 1 if not given · end_axis: last one, included, -1 if not given; negative ones
        count from the end.
    Raises
        LayerError when an axis does not exist, end_axis comes before axis, or the top is also the bottom.
    Source
        Caffe flatten_layer.cpp:8-41.
    Differs from Caffe
        end_axis before axis is an error; Caffe makes a shape out of it that fails later or, one axis before,
        has an axis of size 1 too many.
    """

    num_bottom, num_top = exactly(1), exactly(1)

    def layer_setup(self, bottom, top):
        refuse_in_place(self, bottom, top)

    def reshape(self, bottom, top):
        fields = self.param.flatten_param
        start = canonical_axis(self, fields.axis, bottom[0], "flatten_param.axis")
        end = canonical_axis(self, fields.end_axis, bottom[0], "flatten_param.end_axis")
        shape = bottom[0].shape
        if end < start:
            self.fail(
                f"end_axis is {end} but axis is {start}, counted from the front of {bottom_name(self, 0)} with shape "
                f"{shape}; end_axis must not come before axis. Raise end_axis or lower axis.",
                "flatten_param.end_axis",
            )
        top[0].reshape(*shape[:start], bottom[0].count_from(start, end + 1), *shape[end + 1 :])

    @repeatable
    def forward(self, bottom, top):
        top[0].share_data(bottom[0])

    def backward(self, top, propagate_down, bottom):
        if propagate_down[0]:
            bottom[0].share_diff(top[0])
