"""Sections with weights: convolutional, connected, batchnorm.

Source: Darknet src/convolutional_layer.c, src/connected_layer.c, src/batchnorm_layer.c.
"""

from __future__ import annotations

from math import sqrt
from typing import Any

from netdef.importers.darknet.cfg import Section
from netdef.importers.darknet.net import Building, Learned, Output, add_activation, read_activation, require_image

# Options that change what is computed and that have no equivalent; the value of each that changes nothing.
_CONVOLUTIONAL_NEUTRAL = {
    "binary": 0, "xnor": 0, "bin_output": 0, "antialiasing": 0, "sway": 0, "rotate": 0, "stretch": 0,
    "stretch_sway": 0, "assisted_excitation": 0, "cbn": 0, "coordconv": 0, "reverse": 0, "dot": 0,
}  # fmt: skip
_NORM_FRACTION = 0.99  # of the running mean and variance that stays (batchnorm_layer.c)
_EPSILON = 1e-5  # of Darknet's CUDA kernels and of AlexeyAB's; pjreddie's C code adds 1e-6 to the root instead


def refuse_others(section: Section, neutral: dict[str, float]) -> None:
    """Fail for the first option that is not at the value at which it does nothing."""
    for key, value in neutral.items():
        found = section.number(key, value)
        if found != value:
            section.fail(
                f"{key} is {found:g}, which has no equivalent here; expected {value:g}. Take it away and train anew.",
                key,
            )


def convolutional(building: Building, section: Section) -> Output:
    channels, height, width = require_image(section, building.last)
    refuse_others(section, _CONVOLUTIONAL_NEUTRAL)
    if section.has("share_index"):
        section.fail("share_index has no equivalent here. Take it away.", "share_index")
    filters, groups = section.integer("filters", least=1), section.integer("groups", 1, least=1)
    _check_groups(section, channels, filters, groups)
    size = section.integer("size", 1, least=1)
    stride = section.integer("stride", 1, least=1)
    strides = section.integer("stride_y", stride, least=1), section.integer("stride_x", stride, least=1)
    dilation = section.integer("dilation", 1, least=1) if size > 1 else 1
    padding = section.integer("padding", 0, least=0)
    if section.flag("pad"):
        padding = size // 2
    reach = dilation * (size - 1) + 1
    sizes = [
        (length + 2 * padding * dilation - reach) // step + 1
        for length, step in zip((height, width), strides, strict=True)
    ]
    if min(sizes) < 1:
        section.fail(f"size is {size} and the image before it is {height}x{width}. Lower size or add pad=1.", "size")
    activation, normalized = read_activation(section), section.flag("batch_normalize")
    name = f"conv{building.index}"
    fields: dict[str, Any] = {"num_output": filters, "kernel_size": [size]}
    if groups > 1:
        fields["group"] = groups
    if padding:
        fields["pad"] = [padding * dilation]
    if strides[0] != strides[1]:
        fields.update(stride_h=strides[0], stride_w=strides[1])
    elif strides[0] > 1:
        fields["stride"] = [strides[0]]
    if dilation > 1:
        fields["dilation"] = [dilation]
    fields["weight_filler"] = {"type": "msra"}  # a normal distribution of variance 2 / (size^2 channels / groups)
    learned = Learned(
        section, "convolutional", name, (filters, channels // groups, size, size), reads_image=_reads_image(building)
    )
    blob = _with_bias_or_norm(building, section, "Convolution", learned, fields, normalized)
    blob = add_activation(building, activation, blob, name)
    return Output(blob, (filters, *sizes))


def connected(building: Building, section: Section) -> Output:
    before = building.last
    outputs = section.integer("output", least=1)
    activation, normalized = read_activation(section), section.flag("batch_normalize")
    name = f"ip{building.index}"
    reach = sqrt(2 / before.count)
    fields = {"num_output": outputs, "weight_filler": {"type": "uniform", "min": -reach, "max": reach}}
    learned = Learned(section, "connected", name, (outputs, before.count), reads_image=_reads_image(building))
    blob = _with_bias_or_norm(building, section, "InnerProduct", learned, fields, normalized)
    blob = add_activation(building, activation, blob, name)
    return Output(blob, (outputs, 1, 1))


def batchnorm(building: Building, section: Section) -> Output:
    channels, height, width = require_image(section, building.last)
    name = f"bn{building.index}"
    learned = Learned(section, "batchnorm", "", (channels,), name, f"{name}_scale", _reads_image(building))
    _add_norm(building, section, learned, building.last.blob, name)
    building.learned.append(learned)
    return Output(name, (channels, height, width))


def _reads_image(building: Building) -> bool:
    return building.last.blob == "data"


def _check_groups(section: Section, channels: int, filters: int, groups: int) -> None:
    for what, number in (("channels before it", channels), ("filters", filters)):
        if number % groups:
            section.fail(
                f"groups is {groups} and there are {number} {what}; expected a divisor of both. Correct groups.",
                "groups",
            )


def _with_bias_or_norm(
    building: Building, section: Section, kind: str, learned: Learned, fields: dict[str, Any], normalized: bool
) -> str:
    """The layer with the weights and its bias, which BatchNorm takes over where there is one; the top."""
    name, field = learned.name, "convolution_param" if kind == "Convolution" else "inner_product_param"
    rate = learning_rate(building, section)
    if normalized:
        fields["bias_term"] = False
    params = [{"lr_mult": rate, "decay_mult": 1}, {"lr_mult": rate, "decay_mult": 0}]
    building.add(kind, name, [building.last.blob], param=params[: 1 if normalized else 2], **{field: fields})
    if normalized:
        learned = Learned(
            section, learned.kind, name, learned.shape, f"{name}_bn", f"{name}_scale", learned.reads_image
        )
        _add_norm(building, section, learned, name, name)
    building.learned.append(learned)
    return name


def _add_norm(building: Building, section: Section, learned: Learned, blob: str, top: str) -> None:
    rate = learning_rate(building, section)
    norm = {"moving_average_fraction": _NORM_FRACTION, "eps": _EPSILON}
    building.add("BatchNorm", learned.norm, [blob], [top], batch_norm_param=norm)
    params = [{"lr_mult": rate, "decay_mult": 0}] * 2  # Darknet's decay is of weights alone
    building.add("Scale", learned.scale, [top], [top], param=params, scale_param={"bias_term": True})


def learning_rate(building: Building, section: Section) -> float:
    """The section's factor of the learning rate; 0 below a stopbackward."""
    rate = section.number("learning_rate", 1.0, least=0)
    return 0.0 if building.index < building.frozen_below else rate
