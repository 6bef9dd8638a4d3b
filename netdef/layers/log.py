"""Log: logarithms. Source: Caffe src/caffe/layers/log_layer.cpp."""

from __future__ import annotations

from math import log

from netdef.kernels import elementwise as kernels
from netdef.kernels._size import sized
from netdef.layer import register_layer
from netdef.layers._elementwise import ElementwiseLayer, check_base


@register_layer("Log")
class LogLayer(ElementwiseLayer):
    """The logarithm of a linear function of each value.

    Formula
        ``top = log(shift + scale * bottom) / log(base)``;
        ``bottom.diff = top.diff * scale / log(base) / (shift + scale * bottom)``.
    Bottom / Top
        1 → 1 of the same shape, any number of axes; may run in place. ``shift + scale * bottom`` should be above 0:
        at 0 the top is -infinity, below it is NaN.
    Learnable
        None.
    Fields
        base: above 0 and not 1; -1, which is also the default, stands for e · scale, 1 if not given · shift, 0.
    Raises
        LayerError when base is not above 0, or is 1.
    Source
        Caffe log_layer.cpp:8-76.
    Differs from Caffe
        In place, the bottom is kept for the gradient; Caffe takes the overwritten values for the bottom.
    """

    keeps_bottom = True

    def layer_setup(self, bottom, top):
        fields = self.param.log_param
        check_base(self, fields.base, "log_param.base")
        log_base = 1.0 if fields.base == -1 else log(fields.base)
        if log_base == 0:
            self.fail("base is 1; no power of 1 is another number. Give another base.", "log_param.base")
        self.base_scale = self.dtype.type(1 / log_base)
        self.line = self.dtype.type(fields.scale), self.dtype.type(fields.shift)
        self.numerator = self.dtype.type(fields.scale / log_base)

    def forward(self, bottom, top):
        self.run_forward(kernels.log_forward, bottom, top, *self.line, self.base_scale)

    def backward(self, top, propagate_down, bottom):
        if propagate_down[0]:
            bottom_diff = bottom[0].diff.reshape(-1)
            run = sized(kernels.log_backward, bottom_diff.size)
            run(self.bottom_data(bottom, top), top[0].diff.reshape(-1), *self.line, self.numerator, bottom_diff)
