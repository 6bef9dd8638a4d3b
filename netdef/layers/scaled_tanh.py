"""ScaledTanH: the squashing function of LeNet-5. netdef's own; Caffe's TanH has neither number."""

from __future__ import annotations

from math import isfinite

from netdef.kernels._size import sized
from netdef.kernels.activation import scaled_tanh_backward, scaled_tanh_forward
from netdef.layer import register_layer, repeatable
from netdef.layers._elementwise import ElementwiseLayer


@register_layer("ScaledTanH")
class ScaledTanHLayer(ElementwiseLayer):
    """The hyperbolic tangent, stretched along both axes.

    Formula
        ``top = A * tanh(S * bottom)``; ``bottom_diff = top_diff * S * (A - top^2 / A)``. With the default numbers
        f(1) = 1 and f(-1) = -1, and the slope changes fastest there.
    Bottom / Top
        1 → 1 of the same shape, in (-A, A); may run in place.
    Learnable
        None.
    Fields
        scaled_tanh_param.amplitude: A, 1.7159 if not given · slope: S, 2/3 if not given.
    Raises
        LayerError when one of the two is 0 or not finite.
    Source
        netdef's own; LeCun, Bottou, Bengio and Haffner, "Gradient-based learning applied to document recognition",
        Proc. IEEE 86 (1998), equation 6 and appendix A.
    Differs from Caffe
        Caffe has no such type.
    """

    def layer_setup(self, bottom, top):
        fields = self.param.scaled_tanh_param
        for name in ("amplitude", "slope"):
            value = getattr(fields, name)
            if value == 0 or not isfinite(value):
                self.fail(
                    f"{name} is {value:g}; it must be a number other than 0. Correct it.", f"scaled_tanh_param.{name}"
                )
        self.numbers = self.dtype.type(fields.amplitude), self.dtype.type(fields.slope)

    @repeatable
    def forward(self, bottom, top):
        self.run_forward(scaled_tanh_forward, bottom, top, *self.numbers)

    def backward(self, top, propagate_down, bottom):
        if propagate_down[0]:
            sized(scaled_tanh_backward, top[0].count)(
                top[0].diff.reshape(-1), top[0].data.reshape(-1), *self.numbers, bottom[0].diff.reshape(-1)
            )
