"""Interp: bilinear resizing. Source: PSPNet's Caffe, src/caffe/layers/interp_layer.cpp."""

from __future__ import annotations

from netdef.kernels._size import sized
from netdef.kernels.interp import interp_backward, interp_forward
from netdef.layer import Layer, exactly, register_layer, repeatable
from netdef.layers._axes import bottom_name, refuse_in_place
from prototxt import schema


def interp_size(size: int, fields: schema.InterpParameter) -> int | None:
    """Pixels of the top along an axis of ``size`` pixels by the factors in ``fields``; None where there are none.

    zoom_factor z makes ``size + (size - 1)(z - 1)``, shrink_factor s ``(size - 1) // s + 1``; s comes first.
    """
    if not (fields.HasField("shrink_factor") or fields.HasField("zoom_factor")):
        return None
    shrunk = (size - 1) // fields.shrink_factor + 1
    return shrunk + (shrunk - 1) * (fields.zoom_factor - 1)


@register_layer("Interp")
class InterpLayer(Layer):
    """Bilinear resizing of feature maps, corners mapped to corners.

    Formula
        ``top[h, w]`` = the bottom's values around row ``h (H - 1) / (H' - 1)``, and the like column, weighted by
        nearness.
    Bottom / Top
        1 → 1: ``(N, C, H, W) → (N, C, H', W')``.
    Learnable
        None.
    Fields
        height and width: H' and W', pixels · or zoom_factor z: ``H' = H + (H - 1)(z - 1)`` · or shrink_factor s:
        ``H' = (H - 1) // s + 1``; with both factors, shrunk and then zoomed, and height and width, if given, go before
        them · pad_beg, pad_end: pixels, 0 or less: as many are cut off before and after.
    Raises
        LayerError when no size is given, a factor or size is below 1, a pad is above 0, the bottom has not 4 axes, or
        nothing is left of it.
    Source
        PSPNet's Caffe interp_layer.cpp:11-75, util/interp.cpp; Zhao et al., "Pyramid scene parsing network", CVPR 2017.
    Differs from Caffe
        Nothing.
    """

    num_bottom, num_top = exactly(1), exactly(1)

    def layer_setup(self, bottom, top):
        refuse_in_place(self, bottom, top)
        self.fields = fields = self.param.interp_param
        for name in ("pad_beg", "pad_end"):
            if getattr(fields, name) > 0:
                self.fail(
                    f"{name} is {getattr(fields, name)}; it must be 0 or less, which cuts off. Make it negative.",
                    f"interp_param.{name}",
                )
        for name in ("shrink_factor", "zoom_factor"):
            if getattr(fields, name) < 1:
                self.fail(
                    f"{name} is {getattr(fields, name)}; it must be at least 1. Raise it.", f"interp_param.{name}"
                )
        self.sized = fields.HasField("height") and fields.HasField("width")
        one_factor = fields.HasField("shrink_factor") != fields.HasField("zoom_factor")
        self.by_factor = one_factor or not self.sized
        if not self.sized and interp_size(1, fields) is None:
            self.fail(
                "has no size; expected height and width, or zoom_factor, or shrink_factor. Add one of them.",
                "interp_param",
            )
        for name in ("height", "width"):
            if not self.by_factor and getattr(fields, name) < 1:
                self.fail(
                    f"{name} is {getattr(fields, name)}; it must be at least 1 pixel. Raise it.", f"interp_param.{name}"
                )

    def reshape(self, bottom, top):
        shape = bottom[0].shape
        if len(shape) != 4:
            self.fail(
                f"{bottom_name(self, 0)} has shape {shape}; it must have 4 axes, (num, channels, height, width).",
                "bottom",
            )
        cut = self.fields.pad_beg + self.fields.pad_end
        self.part = tuple(size + cut for size in shape[2:])
        if min(self.part) < 1:
            self.fail(
                f"{bottom_name(self, 0)} has shape {shape}, of which pad_beg and pad_end cut off {-cut} rows and "
                "columns; nothing is left. Raise them towards 0.",
                "interp_param",
            )
        sizes = [interp_size(size, self.fields) for size in self.part] if self.by_factor else None
        top[0].reshape(*shape[:2], *(sizes or (self.fields.height, self.fields.width)))

    def _planes(self, array):
        return array.reshape(-1, *array.shape[2:])

    @repeatable
    def forward(self, bottom, top):
        start = -self.fields.pad_beg
        run = sized(interp_forward, top[0].count)
        run(self._planes(bottom[0].data), start, start, *self.part, self._planes(top[0].data))

    def backward(self, top, propagate_down, bottom):
        if not propagate_down[0]:
            return
        start = -self.fields.pad_beg
        run = sized(interp_backward, top[0].count)
        run(self._planes(top[0].diff), start, start, *self.part, self._planes(bottom[0].diff))
