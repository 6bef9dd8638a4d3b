"""PSROIPooling: averages over regions. Source: R-FCN's Caffe, src/caffe/layers/psroi_pooling_layer.cpp and .cu."""

from __future__ import annotations

import numpy as np

from netdef.kernels._size import sized
from netdef.kernels.psroi_pooling import psroi_pooling_backward, psroi_pooling_forward
from netdef.layer import Layer, exactly, register_layer
from netdef.layers._axes import bottom_name
from netdef.layers._regions import check_regions, region_rows


@register_layer("PSROIPooling")
class PSROIPoolingLayer(Layer):
    """Average over the parts of each region, every part from channels of its own.

    Formula
        ``top[r, c, ph, pw] = mean bottom[image_r, (c G + ph) G + pw, h, w]`` over part (ph, pw) of region r, where G is
        group_size. The region's ends are rounded, then multiplied with spatial_scale. An empty part is 0.
    Bottom / Top
        2 → 1: features ``(N, output_dim G^2, H, W)`` and regions ``(R, 5)``: the image's number in the batch, x1, y1,
        x2, y2 in pixels of the net's input, the last ones within the region → ``(R, output_dim, G, G)``.
    Learnable
        None.
    Fields
        output_dim: channels of the top · group_size: G, parts along each side of a region · spatial_scale: 1 / stride
        of the features.
    Raises
        LayerError when output_dim or group_size is not positive, a bottom has another shape, or a region names an
        image that is not there.
    Source
        R-FCN's Caffe psroi_pooling_layer.cpp:20-55, psroi_pooling_layer.cu:20-180; Dai, Li, He and Sun, "R-FCN: object
        detection via region-based fully convolutional networks", NIPS 2016.
    Differs from Caffe
        It works on the CPU. No gradient flows into the regions.
    """

    num_bottom, num_top = exactly(2), exactly(1)

    def layer_setup(self, bottom, top):
        fields = self.param.psroi_pooling_param
        for name in ("output_dim", "group_size"):
            if getattr(fields, name) < 1:
                self.fail(
                    f"{name} is {getattr(fields, name)} or missing; expected at least 1. Set it.",
                    f"psroi_pooling_param.{name}" if fields.HasField(name) else "psroi_pooling_param",
                )
        self.spatial_scale = self.dtype.type(np.float32(fields.spatial_scale))

    def reshape(self, bottom, top):
        check_regions(self, bottom)
        fields = self.param.psroi_pooling_param
        wanted, found = fields.output_dim * fields.group_size**2, bottom[0].shape[1]
        if found != wanted:
            self.fail(
                f"{bottom_name(self, 0)} has {found} channels; output_dim {fields.output_dim} and group_size "
                f"{fields.group_size} need {fields.output_dim} * {fields.group_size}^2 = {wanted}. "
                "Correct num_output before, or these fields.",
                "psroi_pooling_param",
            )
        top[0].reshape(bottom[1].shape[0], fields.output_dim, fields.group_size, fields.group_size)

    def forward(self, bottom, top):
        run = sized(psroi_pooling_forward, max(top[0].count, bottom[0].count))
        run(bottom[0].data, region_rows(self, bottom), self.spatial_scale, top[0].data)

    def backward(self, top, propagate_down, bottom):
        if propagate_down[1]:
            bottom[1].diff.fill(0)
        if propagate_down[0]:
            run = sized(psroi_pooling_backward, bottom[0].count)
            run(top[0].diff, region_rows(self, bottom), self.spatial_scale, bottom[0].diff)

    def allow_force_backward(self, bottom_index):
        return bottom_index != 1
