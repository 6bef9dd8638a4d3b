"""Crop: a part of one blob, as large as another. Source: Caffe src/caffe/layers/crop_layer.cpp."""

from __future__ import annotations

from netdef.layer import Layer, exactly, register_layer
from netdef.layers._axes import bottom_name, canonical_axis, refuse_in_place
from netdef.layers._views import View, steps


@register_layer("Crop")
class CropLayer(Layer):
    """Cuts its first bottom to the size of its second, from an axis on.

    Formula
        ``top[…, i, j] = bottom[0][…, offset0 + i, offset1 + j]``; the gradient goes back to where the values came
        from and is 0 around them.
    Bottom / Top
        2 → 1: ``(N, C, H, W)``, and a blob of which only the sizes from axis on count, ``(…, H', W')`` →
        ``(N, C, H', W')``.
    Learnable
        None.
    Fields
        axis: first axis that is cut, 2 if not given, negative counts from the end · offset: pixels (places) left
        out before, one for all cut axes or one for each; 0 if not given.
    Raises
        LayerError when the axis does not exist, the number of offsets does not fit, bottom 1 has too few axes, the
        part would reach past the end, or the top is also a bottom.
    Source
        Caffe crop_layer.cpp:15-143; Long, Shelhamer and Darrell (2015).
    Differs from Caffe
        The gradient of bottom 1 is written, it is 0; Caffe leaves there what was before.
    """

    num_bottom, num_top = exactly(2), exactly(1)

    def layer_setup(self, bottom, top):
        refuse_in_place(self, bottom, top)
        self.offsets = list(self.param.crop_param.offset)

    def reshape(self, bottom, top):
        shape, reference = bottom[0].shape, bottom[1].shape
        axis = canonical_axis(self, self.param.crop_param.axis, bottom[0], "crop_param.axis")
        cut = len(shape) - axis
        if len(self.offsets) > 1 and len(self.offsets) != cut:
            self.fail(
                f"has {len(self.offsets)} offset for {cut} cut ax{'is' if cut == 1 else 'es'}, axis {axis} and on of "
                f"{bottom_name(self, 0)} with shape {shape}; give one for all axes or one for each.",
                "crop_param.offset",
            )
        if len(reference) < len(shape):
            self.fail(
                f"{bottom_name(self, 1)} has shape {reference} but {bottom_name(self, 0)} has shape {shape}; the "
                f"second gives the sizes from axis {axis} on and must have as many axes. Reshape it.",
                "bottom[1]",
            )
        offsets = [0] * axis + (self.offsets if len(self.offsets) > 1 else (self.offsets or [0]) * cut)
        target = (*shape[:axis], *reference[axis : len(shape)])
        for i in range(axis, len(shape)):
            if offsets[i] + target[i] > shape[i]:
                self._refuse_part(bottom, i, target[i], offsets[i])
        top[0].reshape(target)
        strides = steps(shape)
        self.view = View(target, strides, sum(offset * stride for offset, stride in zip(offsets, strides)))

    def _refuse_part(self, bottom, axis: int, places: int, offset: int) -> None:
        shape = bottom[0].shape
        fits = places <= shape[axis]
        expected = f"offset must be at most {shape[axis] - places}. Lower it."
        self.fail(
            f"along axis {axis}, {places} places from offset {offset} on are asked for, but {bottom_name(self, 0)} has "
            f"shape {shape}, {shape[axis]} places there; "
            + (expected if fits else f"that is too few. Make {bottom_name(self, 1)} smaller."),
            "crop_param.offset" if fits else "bottom[1]",
        )

    def forward(self, bottom, top):
        self.view.read(bottom[0].data, top[0].data)

    def backward(self, top, propagate_down, bottom):
        if propagate_down[0]:
            bottom[0].diff[...] = 0
            self.view.write(top[0].diff, bottom[0].diff)
        if propagate_down[1]:
            bottom[1].diff[...] = 0
