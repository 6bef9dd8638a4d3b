"""Upsample: larger images, by SegNet's unpooling or by repeating pixels. Caffe has no such type; see Source."""

from __future__ import annotations

from math import prod

import numpy as np

from netdef.errors import DataError
from netdef.kernels import upsample as kernels
from netdef.kernels._size import sized
from netdef.layer import Layer, between, exactly, register_layer
from netdef.layers._axes import bottom_name, refuse_in_place


@register_layer("Upsample")
class UpsampleLayer(Layer):
    """Undoes a pooling, each value going back where it was taken from; or repeats every pixel.

    Formula
        With a mask, for each channel: ``top[mask[i]] = bottom[i]``, 0 elsewhere; the last of several values for one
        place stays. Without: ``top[n, c, h, w] = bottom[n, c, h // scale_h, w // scale_w]``.
    Bottom / Top
        1 or 2 → 1: values ``(N, C, H, W)`` and, if given, the mask: what a Pooling's second top holds, of the same
        shape → ``(N, C, H', W')`` with ``H' = upsample_h``, else ``H' = scale_h H``, less 1 with pad_out_h.
    Learnable
        None.
    Fields
        scale, or scale_h and scale_w: factors, 2 if not given · upsample_h, upsample_w: pixels of the top, go before
        scale · pad_out_h, pad_out_w: one pixel less, for a pooled image of odd size. The last four need a mask.
    Raises
        LayerError when a field lacks its partner, scale is used beside scale_h, a factor or size is too small,
        pad_out is used with a factor other than 2, mask and values differ in shape; DataError when the mask names a
        place outside of the top.
    Source
        SegNet's Caffe fork (github.com/alexgkendall/caffe-segnet), upsample_layer.cpp; V. Badrinarayanan, A. Kendall,
        R. Cipolla, "SegNet", 2015 (arXiv 1511.00561). Without a mask: the upsample_layer.cpp of YOLOv3's forks.
    Differs from Caffe
        Caffe has no such type. The fork computes the top's size once; here it follows the bottom. The mask gets a
        gradient of 0.
    """

    num_bottom, num_top = between(1, 2), exactly(1)

    def layer_setup(self, bottom, top):
        refuse_in_place(self, bottom, top)
        self.fields = fields = self.param.upsample_param
        self.has_mask = len(bottom) > 1
        self._check_pair("upsample_h", "upsample_w")
        self._check_pair("scale_h", "scale_w")
        self.size = (fields.upsample_h, fields.upsample_w) if fields.HasField("upsample_h") else None
        self.scale = (fields.scale_h, fields.scale_w) if fields.HasField("scale_h") else (fields.scale,) * 2
        if fields.HasField("scale") and fields.HasField("scale_h"):
            self.fail(
                "has both scale and scale_h; only one of the two ways may be used. Keep scale, or scale_h and scale_w.",
                "upsample_param.scale",
            )
        if not self.has_mask:
            self._refuse_mask_fields()
        names = ("scale_h", "scale_w") if fields.HasField("scale_h") else ("scale", "scale")
        least = 2 if self.has_mask else 1
        for name, value in [*(zip(("upsample_h", "upsample_w"), self.size) if self.size else zip(names, self.scale))]:
            if value < least:
                self.fail(f"{name} is {value}; it must be at least {least}. Raise it.", f"upsample_param.{name}")
        for name, scale in zip(("pad_out_h", "pad_out_w"), self.scale):
            if getattr(fields, name) and not self.size and scale != 2:
                self.fail(
                    f"{name} is true with a scale of {scale}; it needs 2, or the size of the top is not known. "
                    "Use upsample_h and upsample_w.",
                    f"upsample_param.{name}",
                )

    def _check_pair(self, first, second):
        if self.fields.HasField(first) != self.fields.HasField(second):
            found, missing = (first, second) if self.fields.HasField(first) else (second, first)
            self.fail(f"has {found} but no {missing}; both are needed. Add {missing}.", f"upsample_param.{found}")

    def _refuse_mask_fields(self):
        for name in ("upsample_h", "pad_out_h", "pad_out_w"):
            if self.fields.HasField(name) and getattr(self.fields, name):
                self.fail(
                    f"has {name} but no second bottom; without a mask pixels are repeated scale times. "
                    "Add the mask, the second top of a Pooling, as a bottom, or use scale.",
                    f"upsample_param.{name}",
                )

    def reshape(self, bottom, top):
        shape = bottom[0].shape
        if len(shape) != 4:
            self.fail(
                f"{bottom_name(self, 0)} has shape {shape}; it must have 4 axes, (num, channels, height, width). "
                "Reshape it.",
                "bottom",
            )
        if self.has_mask and bottom[1].shape != shape:
            self.fail(
                f"{bottom_name(self, 1)}, the mask, has shape {bottom[1].shape} but {bottom_name(self, 0)} has shape "
                f"{shape}; they must be equal. Take the mask of the pooling that is undone.",
                "bottom",
            )
        less = int(self.fields.pad_out_h), int(self.fields.pad_out_w)
        size = self.size or tuple(shape[2 + i] * self.scale[i] - less[i] for i in range(2))
        top[0].reshape((*shape[:2], *size))

    def forward(self, bottom, top):
        source, target = bottom[0].data.reshape(-1), top[0].data.reshape(-1)
        if not self.has_mask:
            sized(kernels.repeat_forward, target.size)(source, *bottom[0].shape[2:], *self.scale, target)
            return
        mask, places = bottom[1].data.reshape(-1), prod(top[0].shape[2:])
        index = kernels.find_bad_place(mask, places)
        if index >= 0:
            place = tuple(int(i) for i in np.unravel_index(index, bottom[1].shape))
            raise DataError(
                f"{bottom_name(self, 1)}, the mask, holds {mask[index]:g} at index {place}; the top has "
                f"{top[0].shape[2]}x{top[0].shape[3]} pixels, 0 to {places - 1}. Set upsample_h and upsample_w to the "
                "size that the pooling had before it.",
                field="upsample_param",
                layer_name=self.name,
                layer_type=self.type,
            )
        sized(kernels.unpool_forward, target.size)(source, mask, prod(bottom[0].shape[2:]), places, target)

    def backward(self, top, propagate_down, bottom):
        source, target = top[0].diff.reshape(-1), bottom[0].diff.reshape(-1)
        if propagate_down[0] and self.has_mask:
            mask, size, places = bottom[1].data.reshape(-1), prod(bottom[0].shape[2:]), prod(top[0].shape[2:])
            sized(kernels.unpool_backward, target.size)(source, mask, size, places, target)
        elif propagate_down[0]:
            sized(kernels.repeat_backward, source.size)(source, *bottom[0].shape[2:], *self.scale, target)
        if self.has_mask and propagate_down[1]:
            bottom[1].diff.fill(0)

    def allow_force_backward(self, bottom_index):
        return bottom_index == 0
