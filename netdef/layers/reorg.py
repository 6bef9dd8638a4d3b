"""Reorg: pixels into channels. Source: YOLO v2's Caffe, src/caffe/layers/reorg_layer.cpp."""

from __future__ import annotations

from netdef.kernels._size import sized
from netdef.kernels.reorg import reorg
from netdef.layer import Layer, exactly, register_layer
from netdef.layers._axes import bottom_name, refuse_in_place


@register_layer("Reorg")
class ReorgLayer(Layer):
    """A smaller image of more channels, or with ``reverse`` a larger one of fewer.

    Formula
        A permutation of each image's values, `netdef.kernels.reorg`: the one that darknet's trained weights expect,
        which without reverse is not simply space to depth.
    Bottom / Top
        1 → 1: ``(N, C, H, W) → (N, C S^2, H / S, W / S)``; reverse: ``(N, C / S^2, H S, W S)``.
    Learnable
        None.
    Fields
        stride: S, pixels · reverse: false if not given.
    Raises
        LayerError when stride is missing or 0, the bottom has not 4 axes, or its sizes do not divide by S.
    Source
        YOLO v2's Caffe reorg_layer.cpp:7-60; Redmon and Farhadi, "YOLO9000: better, faster, stronger", CVPR 2017.
    Differs from Caffe
        The gradient is right, where the fork's reads a blob that nobody writes; the batch may change its size.
    """

    num_bottom, num_top = exactly(1), exactly(1)

    def layer_setup(self, bottom, top):
        refuse_in_place(self, bottom, top)
        self.stride, self.reverse = int(self.param.reorg_param.stride), self.param.reorg_param.reverse
        if self.stride == 0:
            self.fail("stride is 0 or missing; expected at least 1 pixel. Set it.", "reorg_param")

    def reshape(self, bottom, top):
        shape, stride = bottom[0].shape, self.stride
        if len(shape) != 4:
            self.fail(
                f"{bottom_name(self, 0)} has shape {shape}; it must have 4 axes, (num, channels, height, width).",
                "bottom",
            )
        num, channels, height, width = shape
        if channels % stride**2:
            self.fail(
                f"{bottom_name(self, 0)} has {channels} channels and stride is {stride}; their number must be a "
                f"multiple of {stride**2}, the stride's square. Change num_output before, or stride.",
                "reorg_param.stride",
            )
        if not self.reverse and (height % stride or width % stride):
            self.fail(
                f"{bottom_name(self, 0)} is {height} high and {width} wide; both must be multiples of stride, "
                f"{stride}. Change the image's size or stride.",
                "reorg_param.stride",
            )
        self.sizes = (channels, height, width)
        if self.reverse:
            top[0].reshape(num, channels // stride**2, height * stride, width * stride)
        else:
            top[0].reshape(num, channels * stride**2, height // stride, width // stride)

    def forward(self, bottom, top):
        source, target = (blob.data.reshape(blob.shape[0], -1) for blob in (bottom[0], top[0]))
        sized(reorg, source.size)(source, *self.sizes, self.stride, self.reverse, target)

    def backward(self, top, propagate_down, bottom):
        if not propagate_down[0]:
            return
        source, target = (blob.diff.reshape(blob.shape[0], -1) for blob in (top[0], bottom[0]))
        sized(reorg, source.size)(source, *self.sizes, self.stride, not self.reverse, target)
