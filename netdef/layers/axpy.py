"""Axpy: scaled channels added to a blob. Source: SENet's Caffe fork, src/caffe/layers/axpy_layer.cpp."""

from __future__ import annotations

from netdef.kernels import scale as scale_kernels
from netdef.kernels._size import sized
from netdef.kernels.axpy import axpy
from netdef.layer import Layer, exactly, register_layer, repeatable
from netdef.layers._axes import bottom_name, refuse_in_place


@register_layer("Axpy")
class AxpyLayer(Layer):
    """Multiplies each channel of a blob by a number and adds another blob.

    Formula
        ``top[n, c, i] = scale[n, c] * x[n, c, i] + y[n, c, i]``; ``scale.diff[n, c]`` is the sum of
        ``top.diff * x``, ``x.diff = scale * top.diff``, ``y.diff = top.diff``.
    Bottom / Top
        3 → 1: scale ``(N, C)`` or ``(N, C, 1, 1)``; x and y ``(N, C, H, W)`` → ``(N, C, H, W)``. May run in place
        on y.
    Learnable
        None.
    Fields
        None.
    Raises
        LayerError when the shapes do not fit, or the top is also scale or x.
    Source
        SENet's Caffe fork, axpy_layer.cpp:13-100; Hu, Shen and Sun (2017).
    Differs from Caffe
        Caffe master has no such type.
    """

    num_bottom, num_top = exactly(3), exactly(1)

    def layer_setup(self, bottom, top):
        refuse_in_place(self, bottom[:2], top)

    def reshape(self, bottom, top):
        scale, factor, term = (blob.shape for blob in bottom)
        if len(factor) < 2 or scale[:2] != factor[:2] or any(size != 1 for size in scale[2:]):
            self.fail(
                f"{bottom_name(self, 0)} has shape {scale} but {bottom_name(self, 1)} has shape {factor}; the first "
                "must have a value for each item and channel of the second, (N, C) or (N, C, 1, 1). Reshape it.",
                "bottom[0]",
            )
        if term != factor:
            self.fail(
                f"{bottom_name(self, 2)} has shape {term} but {bottom_name(self, 1)} has shape {factor}; the two must "
                "be equal. Make them equal.",
                "bottom[2]",
            )
        top[0].reshape(factor)
        self.inner = bottom[1].count_from(2)

    @repeatable
    def forward(self, bottom, top):
        scale, factor, term = (blob.data.reshape(-1) for blob in bottom)
        sized(axpy, factor.size)(scale, factor, term, self.inner, top[0].data.reshape(-1))

    def backward(self, top, propagate_down, bottom):
        top_diff = top[0].diff.reshape(-1)
        if propagate_down[0]:
            run = sized(scale_kernels.dot_to_scale, top_diff.size)
            run(top_diff, bottom[1].data.reshape(-1), 1, self.inner, False, bottom[0].diff.reshape(-1))
        if propagate_down[1]:
            run = sized(scale_kernels.multiply_by_scale, top_diff.size)
            run(top_diff, bottom[0].data.reshape(-1), self.inner, bottom[1].diff.reshape(-1))
        if propagate_down[2] and bottom[2] is not top[0]:
            bottom[2].diff[...] = top[0].diff
