"""ROIPooling: maxima over regions. Source: Fast R-CNN's Caffe, src/caffe/layers/roi_pooling_layer.cpp."""

from __future__ import annotations

import numpy as np

from netdef.kernels._size import sized
from netdef.kernels.roi_pooling import roi_pooling_backward, roi_pooling_forward
from netdef.layer import Layer, exactly, register_layer
from netdef.layers._regions import check_regions, region_rows


@register_layer("ROIPooling")
class ROIPoolingLayer(Layer):
    """Maximum over the parts of each region: regions of any size become one size.

    Formula
        ``top[r, c, ph, pw] = max bottom[image_r, c, h, w]`` over part (ph, pw) of region r, whose ends are its
        coordinates times spatial_scale, rounded; parts overlap by a pixel where the region does not divide.
        An empty part is 0.
    Bottom / Top
        2 → 1: features ``(N, C, H, W)`` and regions ``(R, 5)``: the image's number in the batch, x1, y1, x2, y2 in
        pixels of the net's input, the last ones within the region → ``(R, C, pooled_h, pooled_w)``.
    Learnable
        None.
    Fields
        pooled_h, pooled_w: parts of a region · spatial_scale: 1 / stride of the features, 1 if not given.
    Raises
        LayerError when pooled_h or pooled_w is 0, a bottom has another shape, or a region names an image that is not
        there.
    Source
        Fast R-CNN's Caffe roi_pooling_layer.cpp:20-215; Girshick, "Fast R-CNN", ICCV 2015.
    Differs from Caffe
        A region whose end lies before its start, which is taken for one pixel, has a gradient too. None flows into
        the regions.
    """

    num_bottom, num_top = exactly(2), exactly(1)

    def layer_setup(self, bottom, top):
        fields = self.param.roi_pooling_param
        for name in ("pooled_h", "pooled_w"):
            if getattr(fields, name) == 0:
                self.fail(
                    f"{name} is 0 or missing; expected at least 1. Set it.",
                    f"roi_pooling_param.{name}" if fields.HasField(name) else "roi_pooling_param",
                )
        self.spatial_scale = self.dtype.type(np.float32(fields.spatial_scale))

    def reshape(self, bottom, top):
        check_regions(self, bottom)
        fields = self.param.roi_pooling_param
        top[0].reshape(bottom[1].shape[0], bottom[0].shape[1], fields.pooled_h, fields.pooled_w)

    def forward(self, bottom, top):
        run = sized(roi_pooling_forward, max(top[0].count, bottom[0].count))
        mask = self.scratch("mask", top[0].shape, np.int32)
        run(bottom[0].data, region_rows(self, bottom), self.spatial_scale, mask, top[0].data)

    def backward(self, top, propagate_down, bottom):
        if propagate_down[1]:
            bottom[1].diff.fill(0)
        if not propagate_down[0]:
            return
        mask = self.scratch("mask", top[0].shape, np.int32)
        run = sized(roi_pooling_backward, bottom[0].count)
        run(top[0].diff, region_rows(self, bottom), mask, bottom[0].diff)

    def allow_force_backward(self, bottom_index):
        return bottom_index != 1
