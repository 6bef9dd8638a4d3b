"""Concat: bottoms side by side. Source: Caffe src/caffe/layers/concat_layer.cpp."""

from __future__ import annotations

from math import prod

from netdef.kernels import concat as kernels
from netdef.kernels._size import sized
from netdef.layer import Layer, at_least, exactly, register_layer, repeatable
from netdef.layers._axes import bottom_name, canonical_axis, refuse_in_place


@register_layer("Concat")
class ConcatLayer(Layer):
    """Joins its bottoms along one axis.

    Formula
        Along the axis, ``top = [bottom[0], bottom[1], …]``; the gradient is cut the same way.
    Bottom / Top
        1 or more → 1. The bottoms agree in all axes but the joined one: ``(N, C1, H, W)`` and ``(N, C2, H, W)``
        give ``(N, C1 + C2, H, W)``. A single bottom shares its memory with the top.
    Learnable
        None.
    Fields
        axis: the joined axis, 1 if not given, negative counts from the end · concat_dim: its old name, never
        negative.
    Raises
        LayerError when both names of the axis are given, the axis does not exist, the shapes disagree elsewhere,
        or the top is also a bottom.
    Source
        Caffe concat_layer.cpp:9-96.
    Differs from Caffe
        Running in place is an error instead of a wrong result.
    """

    num_bottom, num_top = at_least(1), exactly(1)

    def layer_setup(self, bottom, top):
        refuse_in_place(self, bottom, top)
        self.fields = self.param.concat_param
        if self.fields.HasField("axis") and self.fields.HasField("concat_dim"):
            self.fail(
                f"axis is {self.fields.axis} and concat_dim is {self.fields.concat_dim}; "
                "both name the joined axis. Keep axis alone.",
                "concat_param.concat_dim",
            )

    def reshape(self, bottom, top):
        name = "concat_dim" if self.fields.HasField("concat_dim") else "axis"
        axis = canonical_axis(self, getattr(self.fields, name), bottom[0], f"concat_param.{name}")
        shape = list(bottom[0].shape)
        for index, blob in enumerate(bottom[1:], 1):
            same = len(blob.shape) == len(shape) and all(
                found == wanted for i, (found, wanted) in enumerate(zip(blob.shape, bottom[0].shape)) if i != axis
            )
            if not same:
                self.fail(
                    f"{bottom_name(self, index)} has shape {blob.shape} but {bottom_name(self, 0)} has shape "
                    f"{bottom[0].shape}; they may differ in axis {axis} only. Make the other axes equal.",
                    "bottom",
                )
            shape[axis] += blob.shape[axis]
        top[0].reshape(shape)
        self.axis, self.rows = axis, bottom[0].count_from(0, axis)

    @repeatable
    def forward(self, bottom, top):
        if len(bottom) == 1:
            top[0].share_data(bottom[0])
            return
        whole = self._columns(top[0].data)
        column = 0
        for blob in bottom:
            part = self._columns(blob.data)
            sized(kernels.copy_into_columns, part.size)(part, column, whole)
            column += part.shape[1]

    def backward(self, top, propagate_down, bottom):
        if len(bottom) == 1:
            if propagate_down[0]:
                bottom[0].share_diff(top[0])
            return
        whole = self._columns(top[0].diff)
        column = 0
        for blob, wanted in zip(bottom, propagate_down):
            if wanted:
                part = self._columns(blob.diff)
                sized(kernels.copy_from_columns, part.size)(whole, column, part)
            column += blob.count_from(self.axis)

    def _columns(self, array):
        """The array as (rows, columns); the joined axis and those after it are the columns."""
        return array.reshape(self.rows, prod(array.shape[self.axis :]))
