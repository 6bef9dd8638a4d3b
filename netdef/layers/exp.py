"""Exp: powers of a base. Source: Caffe src/caffe/layers/exp_layer.cpp."""

from __future__ import annotations

from math import exp, log

from netdef.kernels import elementwise as kernels
from netdef.kernels._size import sized
from netdef.layer import register_layer
from netdef.layers._elementwise import ElementwiseLayer, check_base


@register_layer("Exp")
class ExpLayer(ElementwiseLayer):
    """A base to the power of a linear function of each value.

    Formula
        ``top = base ** (shift + scale * bottom)``; ``bottom.diff = top.diff * top * scale * log(base)``.
    Bottom / Top
        1 → 1 of the same shape, any number of axes; may run in place. The top is above 0.
    Learnable
        None.
    Fields
        base: above 0; -1, which is also the default, stands for e · scale, 1 if not given · shift, 0.
    Raises
        LayerError when base is not above 0.
    Source
        Caffe exp_layer.cpp:8-59.
    Differs from Caffe
        Nothing.
    """

    def layer_setup(self, bottom, top):
        fields = self.param.exp_param
        check_base(self, fields.base, "exp_param.base")
        log_base = 1.0 if fields.base == -1 else log(fields.base)
        self.inner_scale = self.dtype.type(log_base * fields.scale)
        self.outer_scale = self.dtype.type(exp(log_base * fields.shift))

    def forward(self, bottom, top):
        self.run_forward(kernels.exp_forward, bottom, top, self.inner_scale, self.outer_scale)

    def backward(self, top, propagate_down, bottom):
        if propagate_down[0]:
            bottom_diff = bottom[0].diff.reshape(-1)
            run = sized(kernels.exp_backward, bottom_diff.size)
            run(top[0].data.reshape(-1), top[0].diff.reshape(-1), self.inner_scale, bottom_diff)
