"""Reshape: other axes over the same values. Source: Caffe src/caffe/layers/reshape_layer.cpp."""

from __future__ import annotations

from math import prod

from netdef.layer import Layer, exactly, register_layer, repeatable
from netdef.layers._axes import bottom_name, refuse_in_place


@register_layer("Reshape")
class ReshapeLayer(Layer):
    """Replaces a run of axes by others; values stay where they are.

    Formula
        ``top = bottom`` with axes ``axis`` to ``axis + num_axes - 1`` replaced by ``shape``.
    Bottom / Top
        1 → 1 of as many elements: ``(2, 8, 3)`` with shape ``0, -1, 4`` gives ``(2, 6, 4)``. Both share data, and
        after backward diff.
    Learnable
        None.
    Fields
        shape.dim: the new sizes; 0 copies the bottom's size at the same place, -1, once, takes what is left ·
        axis: first axis replaced, 0 if not given; negative counts from the end, -1 being after the last ·
        num_axes: how many are replaced, -1 (if not given) all from axis on.
    Raises
        LayerError when axis or num_axes reach outside the bottom, a dim is below -1, there are two -1, a 0 has no
        axis to copy, the counts differ, or the top is also the bottom.
    Source
        Caffe reshape_layer.cpp:8-96.
    Differs from Caffe
        Nothing.
    """

    num_bottom, num_top = exactly(1), exactly(1)

    def layer_setup(self, bottom, top):
        refuse_in_place(self, bottom, top)
        fields = self.param.reshape_param
        self.dims = tuple(fields.shape.dim)
        listed = ", ".join(map(str, self.dims))
        if any(dim < -1 for dim in self.dims):
            self.fail(
                f"the new sizes are {listed}; each must be positive, 0 to copy or -1 to infer. Correct dim.",
                "reshape_param.shape",
            )
        if self.dims.count(-1) > 1:
            self.fail(
                f"the new sizes are {listed}; one -1 at most can be inferred. Give the other sizes.",
                "reshape_param.shape",
            )
        if fields.num_axes < -1:
            self.fail(
                f"num_axes is {fields.num_axes}; it must be 0 or more, or -1 for all axes from axis on. Raise it.",
                "reshape_param.num_axes",
            )

    def reshape(self, bottom, top):
        start, end = self._replaced_axes(bottom[0])
        shape = bottom[0].shape
        dims = [self._copied(shape, start + i) if dim == 0 else dim for i, dim in enumerate(self.dims)]
        known = prod(dim for dim in dims if dim != -1) * prod(shape[:start]) * prod(shape[end:])
        wanted = (*shape[:start], *dims, *shape[end:])
        if -1 in dims:
            if known == 0 or bottom[0].count % known:
                self.fail(
                    f"{bottom_name(self, 0)} has shape {shape}, {bottom[0].count} elements, and cannot become "
                    f"{wanted}; {bottom[0].count} is not a multiple of {known}, the product of the known sizes. "
                    "Correct dim.",
                    "reshape_param.shape",
                )
            dims[dims.index(-1)] = bottom[0].count // known
        elif known != bottom[0].count:
            self.fail(
                f"{bottom_name(self, 0)} has shape {shape}, {bottom[0].count} elements, and cannot become "
                f"{wanted}, {known} elements; the counts must be equal. Correct dim, or write -1 for one of them.",
                "reshape_param.shape",
            )
        top[0].reshape(*shape[:start], *dims, *shape[end:])
        top[0].share_data(bottom[0])

    @repeatable
    def forward(self, bottom, top):
        top[0].share_data(bottom[0])

    def backward(self, top, propagate_down, bottom):
        if propagate_down[0]:
            bottom[0].share_diff(top[0])

    def _replaced_axes(self, blob) -> tuple[int, int]:
        """First axis that is replaced and the one after the last."""
        fields = self.param.reshape_param
        axes = len(blob.shape)
        start = fields.axis if fields.axis >= 0 else axes + fields.axis + 1
        if not 0 <= start <= axes:
            self.fail(
                f"axis is {fields.axis} but {bottom_name(self, 0)} has shape {blob.shape}; "
                f"axis must be from {-axes - 1} to {axes}. Name a place within it.",
                "reshape_param.axis",
            )
        end = axes if fields.num_axes == -1 else start + fields.num_axes
        if end > axes:
            self.fail(
                f"num_axes is {fields.num_axes} from axis {start} on, but {bottom_name(self, 0)} has shape "
                f"{blob.shape}; num_axes must be at most {axes - start} there. Lower num_axes or axis.",
                "reshape_param.num_axes",
            )
        return start, end

    def _copied(self, shape, axis: int) -> int:
        """The size that a 0 stands for."""
        if axis >= len(shape):
            self.fail(
                f"dim 0 stands at axis {axis} of the top but {bottom_name(self, 0)} has shape {shape}, "
                f"{len(shape)} axes; there is no size to copy. Write the size itself.",
                "reshape_param.shape",
            )
        return shape[axis]
