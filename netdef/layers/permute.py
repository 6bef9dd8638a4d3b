"""Permute: the axes in another order. Source: SSD's Caffe fork, src/caffe/layers/permute_layer.cpp."""

from __future__ import annotations

from netdef.layer import Layer, exactly, register_layer, repeatable
from netdef.layers._axes import bottom_name, refuse_in_place
from netdef.layers._views import View, steps


@register_layer("Permute")
class PermuteLayer(Layer):
    """Puts the axes of a blob into another order.

    Formula
        ``top[i, j, …] = bottom[…]`` with index number ``order[0]`` of the bottom being i, number ``order[1]`` j, ….
    Bottom / Top
        1 → 1: with order 0, 2, 3, 1, ``(N, C, H, W)`` → ``(N, H, W, C)``. In their own order, both share memory.
    Learnable
        None.
    Fields
        permute_param.order: axes of the bottom, in the order of the top; those that are not named follow in theirs.
    Raises
        LayerError when an axis does not exist or is named twice, or the top is also the bottom.
    Source
        SSD's Caffe fork, permute_layer.cpp:9-142.
    Differs from Caffe
        Caffe master has no such type.
    """

    num_bottom, num_top = exactly(1), exactly(1)

    def layer_setup(self, bottom, top):
        refuse_in_place(self, bottom, top)

    def reshape(self, bottom, top):
        shape = bottom[0].shape
        order = list(self.param.permute_param.order)
        for position, axis in enumerate(order):
            if axis >= len(shape):
                self.fail(
                    f"order names axis {axis} but {bottom_name(self, 0)} has shape {shape}; "
                    f"axes go from 0 to {len(shape) - 1}. Name an axis that it has.",
                    f"permute_param.order[{position}]",
                )
            if axis in order[:position]:
                self.fail(
                    f"order names axis {axis} twice; each axis has one place in the top. Take one of them away.",
                    f"permute_param.order[{position}]",
                )
        order += [axis for axis in range(len(shape)) if axis not in order]
        self.is_identity = order == list(range(len(shape)))
        strides = steps(shape)
        target = [shape[axis] for axis in order]
        top[0].reshape(target)
        self.view = View(target, [strides[axis] for axis in order])

    @repeatable
    def forward(self, bottom, top):
        if self.is_identity:
            top[0].share_data(bottom[0])
        else:
            self.view.read(bottom[0].data, top[0].data)

    def backward(self, top, propagate_down, bottom):
        if not propagate_down[0]:
            return
        if self.is_identity:
            bottom[0].share_diff(top[0])
        else:
            self.view.write(top[0].diff, bottom[0].diff)
