"""Slice: one blob cut into several. Source: Caffe src/caffe/layers/slice_layer.cpp."""

from __future__ import annotations

from math import prod

from netdef.kernels import concat as kernels
from netdef.kernels._size import sized
from netdef.layer import Layer, at_least, exactly, register_layer, repeatable
from netdef.layers._axes import bottom_name, canonical_axis, refuse_in_place


@register_layer("Slice")
class SliceLayer(Layer):
    """Cuts its bottom along one axis.

    Formula
        Along the axis, ``[top[0], top[1], …] = bottom``; the gradient is joined the same way.
    Bottom / Top
        1 → 1 or more. ``(N, C, H, W)`` with slice_point 1 and 4 gives ``(N, 1, H, W)``, ``(N, 3, H, W)``,
        ``(N, C - 4, H, W)``; without slice_point all tops are equal. A single top shares the bottom's memory.
    Learnable
        None.
    Fields
        axis: the cut axis, 1 if not given, negative counts from the end · slice_dim: its old name, never
        negative · slice_point: positions of the cuts along the axis, one fewer than tops, rising.
    Raises
        LayerError when both names of the axis are given, the axis does not exist, the number of slice_point does
        not fit the tops, they do not rise or reach past the end, the axis cannot be cut into equal parts, or a
        top is also the bottom.
    Source
        Caffe slice_layer.cpp:10-121.
    Differs from Caffe
        A last slice_point at the axis's end, and running in place, are errors; Caffe goes on with an empty or
        negative size, or a wrong result.
    """

    num_bottom, num_top = exactly(1), at_least(1)

    def layer_setup(self, bottom, top):
        refuse_in_place(self, bottom, top)
        self.fields = self.param.slice_param
        self.points = list(self.fields.slice_point)
        if self.fields.HasField("axis") and self.fields.HasField("slice_dim"):
            self.fail(
                f"axis is {self.fields.axis} and slice_dim is {self.fields.slice_dim}; "
                "both name the cut axis. Keep axis alone.",
                "slice_param.slice_dim",
            )
        if self.points and len(self.points) != len(top) - 1:
            self.fail(
                f"has {len(self.points)} slice_point for {len(top)} tops; there must be one fewer than tops, "
                f"{len(top) - 1}, or none for equal parts. Correct slice_point or the tops.",
                "slice_param.slice_point",
            )

    def reshape(self, bottom, top):
        name = "slice_dim" if self.fields.HasField("slice_dim") else "axis"
        axis = canonical_axis(self, getattr(self.fields, name), bottom[0], f"slice_param.{name}")
        shape = bottom[0].shape
        for blob, size in zip(top, self._sizes(shape, axis, len(top))):
            blob.reshape(*shape[:axis], size, *shape[axis + 1 :])
        self.axis, self.rows = axis, bottom[0].count_from(0, axis)

    @repeatable
    def forward(self, bottom, top):
        if len(top) == 1:
            top[0].share_data(bottom[0])
            return
        whole = self._columns(bottom[0].data)
        column = 0
        for blob in top:
            part = self._columns(blob.data)
            sized(kernels.copy_from_columns, part.size)(whole, column, part)
            column += part.shape[1]

    def backward(self, top, propagate_down, bottom):
        if not propagate_down[0]:
            return
        if len(top) == 1:
            bottom[0].share_diff(top[0])
            return
        whole = self._columns(bottom[0].diff)
        column = 0
        for blob in top:
            part = self._columns(blob.diff)
            sized(kernels.copy_into_columns, part.size)(part, column, whole)
            column += part.shape[1]

    def _sizes(self, shape, axis: int, tops: int) -> list[int]:
        """Sizes of the tops along ``axis``."""
        size = shape[axis]
        if not self.points:
            if size % tops:
                self.fail(
                    f"{bottom_name(self, 0)} has shape {shape}; axis {axis}, {size}, cannot be cut into {tops} "
                    "equal parts. Give slice_point, or as many tops as divide it.",
                    "slice_param",
                )
            return [size // tops] * tops
        edges = [0, *self.points, size]
        sizes = [end - start for start, end in zip(edges, edges[1:])]
        if min(sizes) <= 0:
            self.fail(
                f"slice_point is {', '.join(map(str, self.points))} but {bottom_name(self, 0)} has shape {shape}; "
                f"the points must rise and lie between 0 and {size}, the size of axis {axis}. Correct slice_point.",
                "slice_param.slice_point",
            )
        return sizes

    def _columns(self, array):
        """The array as (rows, columns); the cut axis and those after it are the columns."""
        return array.reshape(self.rows, prod(array.shape[self.axis :]))
