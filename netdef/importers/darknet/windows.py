"""Sections that pool: maxpool and avgpool.

Darknet pads a maxpool by ``padding`` pixels in all, half of them (rounded down) on the left and on top, and rounds the
number of windows down; Caffe pads both sides alike. Source: Darknet src/maxpool_layer.c, src/avgpool_layer.c.
"""

from __future__ import annotations

from typing import Any

from netdef.importers.darknet.cfg import Section
from netdef.importers.darknet.filters import refuse_others
from netdef.importers.darknet.net import Building, Output, require_image

_MAXPOOL_NEUTRAL = {"maxpool_depth": 0, "antialiasing": 0, "maxpool_zero_nonmax": 0}


def maxpool(building: Building, section: Section) -> Output:
    shape = require_image(section, building.last)
    refuse_others(section, _MAXPOOL_NEUTRAL)
    stride = section.integer("stride", 1, least=1)
    strides = section.integer("stride_y", stride, least=1), section.integer("stride_x", stride, least=1)
    size = section.integer("size", stride, least=1)
    padding = section.integer("padding", size - 1, least=0)
    wanted = [(length + padding - size) // step + 1 for length, step in zip(shape[1:], strides, strict=True)]
    if min(wanted) < 1:
        section.fail(f"size is {size} and the image before it is {shape[1]}x{shape[2]}. Lower size.", "size")
    name, bottom = f"pool{building.index}", building.last.blob
    fields: dict[str, Any] = {"pool": "MAX", "kernel_size": size}
    if strides[0] != strides[1]:
        fields.update(stride_h=strides[0], stride_w=strides[1])
    elif strides[0] > 1:
        fields["stride"] = strides[0]
    before = padding // 2
    for mode in ("CEIL", "FLOOR"):
        if before < size and _places(shape, size, strides, before, mode) == wanted:
            building.add("Pooling", name, [bottom], pooling_param={**fields, **_pad(before, mode)})
            return Output(name, (shape[0], *wanted))
    if strides != (1, 1) or wanted != list(shape[1:]) or before + 1 >= size:
        section.fail(
            f"size {size}, stride {stride} and padding {padding} on an image of {shape[1]}x{shape[2]} give "
            f"{wanted[0]}x{wanted[1]} windows from {before} pixels outside of it on; Caffe's Pooling, which pads all "
            "sides alike, has no such form. Change size, stride or padding.",
            "padding" if "padding" in section.options else "size",
        )
    # One more pixel of padding gives one more row and column of windows, the first, which Crop takes off.
    building.add("Pooling", f"{name}_wide", [bottom], pooling_param={**fields, **_pad(before + 1, "CEIL")})
    building.add("Crop", name, [f"{name}_wide", bottom], crop_param={"axis": 2, "offset": [1]})
    return Output(name, shape)


def avgpool(building: Building, section: Section) -> Output:
    channels, _, _ = require_image(section, building.last)
    name = f"pool{building.index}"
    building.add("Pooling", name, [building.last.blob], pooling_param={"pool": "AVE", "global_pooling": True})
    return Output(name, (channels, 1, 1))


def _pad(pixels: int, mode: str) -> dict[str, Any]:
    fields: dict[str, Any] = {"pad": pixels} if pixels else {}
    return fields if mode == "CEIL" else {**fields, "round_mode": mode}


def _places(shape: tuple[int, int, int], size: int, strides: tuple[int, int], pad: int, mode: str) -> list[int]:
    """Windows along height and width in Caffe, which leaves out a last one that starts behind the image."""
    places = []
    for length, stride in zip(shape[1:], strides, strict=True):
        steps = length + 2 * pad - size
        count = (steps // stride if mode == "FLOOR" else -(-steps // stride)) + 1
        places.append(count - 1 if pad and (count - 1) * stride >= length + pad else count)
    return places
