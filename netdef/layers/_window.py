"""Reading the windows of Convolution and its kin: kernel, stride, pad, dilation for each spatial axis.

Source: Caffe src/caffe/layers/base_conv_layer.cpp:11-117.
"""

from __future__ import annotations

from dataclasses import dataclass

from netdef.layer import Layer
from prototxt import schema

_EXTRA = {"kernel_size": ("kernel_h", "kernel_w"), "stride": ("stride_h", "stride_w"), "pad": ("pad_h", "pad_w")}


@dataclass(frozen=True)
class Window:
    """One number for each spatial axis, in pixels."""

    kernel: tuple[int, ...]
    stride: tuple[int, ...]
    pad: tuple[int, ...]
    dilation: tuple[int, ...]

    def reach(self, axis: int) -> int:
        """Pixels from the first to the last tap, both counted."""
        return self.dilation[axis] * (self.kernel[axis] - 1) + 1


def read_window(layer: Layer, fields: schema.ConvolutionParameter, message: str, axes: int) -> Window:
    """The window in ``fields`` (a ConvolutionParameter, found at ``message``) for ``axes`` spatial axes."""
    kernel = _per_axis(layer, fields, message, "kernel_size", axes, None)
    stride = _per_axis(layer, fields, message, "stride", axes, 1)
    pad = _per_axis(layer, fields, message, "pad", axes, 0)
    dilation = _per_axis(layer, fields, message, "dilation", axes, 1)
    for name, values in (("kernel_size", kernel), ("stride", stride), ("dilation", dilation)):
        for value in values:
            if value < 1:
                used = _used_field(fields, name)
                layer.fail(f"{used} is {value}; it must be at least 1 pixel. Raise it.", f"{message}.{used}")
    return Window(kernel, stride, pad, dilation)


def _used_field(fields, name: str) -> str:
    """The field in which a 0 of ``name`` was written."""
    for extra in _EXTRA.get(name, ()):
        if fields.HasField(extra) and not getattr(fields, extra):
            return extra
    return name


def _per_axis(layer: Layer, fields, message: str, name: str, axes: int, default: int | None) -> tuple[int, ...]:
    values = list(getattr(fields, name))
    given = [extra for extra in _EXTRA.get(name, ()) if fields.HasField(extra)]
    if given:
        return _two_fields(layer, fields, message, name, axes, values, given)
    if not values and axes and default is None:
        layer.fail(
            f"has no {name}; it must say how many pixels a filter covers. Add {name}, or kernel_h and kernel_w.",
            message,
        )
    if len(values) > 1 and len(values) != axes:
        layer.fail(
            f"has {len(values)} {name} for {axes} spatial ax{'is' if axes == 1 else 'es'}; "
            "give one for all axes or one for each.",
            f"{message}.{name}",
        )
    return tuple(values) if len(values) > 1 else tuple(values or [default]) * axes


def _two_fields(layer: Layer, fields, message: str, name: str, axes: int, values, given) -> tuple[int, ...]:
    pair = _EXTRA[name]
    if axes != 2:
        layer.fail(
            f"has {given[0]} but {axes} spatial ax{'is' if axes == 1 else 'es'}; {pair[0]} and {pair[1]} need 2. "
            f"Use {name}.",
            f"{message}.{given[0]}",
        )
    if values:
        layer.fail(
            f"has both {name} and {given[0]}; only one of the two ways may be used. Keep {name}, or {pair[0]} and "
            f"{pair[1]}.",
            f"{message}.{given[0]}",
        )
    if name != "pad" and len(given) == 1:
        missing = pair[1 - pair.index(given[0])]
        layer.fail(f"has {given[0]} but no {missing}; both are needed. Add {missing}.", f"{message}.{given[0]}")
    return tuple(getattr(fields, field) for field in pair)
