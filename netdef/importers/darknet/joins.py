"""Sections without weights: route, shortcut, upsample, reorg, dropout, activation.

Source: Darknet src/route_layer.c, src/shortcut_layer.c, src/upsample_layer.c, src/reorg_layer.c, src/blas.c.
"""

from __future__ import annotations

from typing import Any

from netdef.importers.darknet.cfg import Section
from netdef.importers.darknet.filters import refuse_others
from netdef.importers.darknet.net import Building, Output, add_activation, read_activation, require_image


def route(building: Building, section: Section) -> Output:
    """One or more earlier outputs one behind the other; of each, with ``groups``, the part ``group_id``."""
    sources = [_earlier(building, section, "layers", index) for index in section.integers("layers")]
    if not sources:
        section.fail("has no layers; expected the numbers of earlier layers. Add layers=….", "layers")
    groups, part = section.integer("groups", 1, least=1), section.integer("group_id", 0, least=0)
    if part >= groups:
        section.fail(f"group_id is {part} and groups is {groups}; expected less. Correct one of them.", "group_id")
    name, parts = f"route{building.index}", []
    for number, source in enumerate(sources):
        channels, height, width = source.shape
        if (height, width) != sources[0].shape[1:]:
            section.fail(
                f"joins images of {sources[0].shape[1]}x{sources[0].shape[2]} and {height}x{width}; expected one size. "
                "Correct layers.",
                "layers",
            )
        if channels % groups:
            section.fail(f"groups is {groups} and a layer has {channels} channels; expected a divisor.", "groups")
        share = channels // groups
        kept = range(part * share, (part + 1) * share)
        stem = f"{name}_part{number}" if len(sources) > 1 else name
        blob = source.blob if groups == 1 else _channels(building, source, kept, stem)
        parts.append(Output(blob, (share, height, width)))
    if len(parts) == 1:
        return Output(parts[0].blob, parts[0].shape, owned=groups > 1)
    building.add("Concat", name, [each.blob for each in parts])
    return Output(name, (sum(each.shape[0] for each in parts), *parts[0].shape[1:]))


def shortcut(building: Building, section: Section) -> Output:
    """The sum of the output before and of earlier ones, over the channels and pixels that both have."""
    if section.text("weights_type", "none") != "none":
        section.fail("weights_type has no equivalent here; expected none. Take it away.", "weights_type")
    section.text("weights_normalization", "none")
    numbers = section.integers("from")
    if not numbers:
        section.fail("has no from; expected the number of an earlier layer. Add from=….", "from")
    alpha, beta = section.number("alpha", 1.0), section.number("beta", 1.0)
    name, total = f"shortcut{building.index}", building.last
    require_image(section, total)
    for position, number in enumerate(numbers):
        stem = name if position == len(numbers) - 1 else f"{name}_{position}"
        source = _fitted(building, section, _earlier(building, section, "from", number), total, stem)
        blob = _sum(building, total, source, stem, [alpha, beta] if position == 0 else [1, beta])
        total = Output(blob, total.shape)
    blob = add_activation(building, read_activation(section, "linear"), total.blob, name)
    return Output(blob, total.shape)


def upsample(building: Building, section: Section) -> Output:
    channels, height, width = require_image(section, building.last)
    stride = section.integer("stride", 2, least=1)
    name, scale = f"upsample{building.index}", section.number("scale", 1.0)
    building.add("Upsample", name, [building.last.blob], upsample_param={"scale": stride})
    if scale != 1:
        building.add("Power", f"{name}_scale", [name], [name], power_param={"scale": scale})
    return Output(name, (channels, height * stride, width * stride))


def reorg(building: Building, section: Section) -> Output:
    channels, height, width = require_image(section, building.last)
    refuse_others(section, {"flatten": 0, "extra": 0})
    stride, reverse = section.integer("stride", 1, least=1), section.flag("reverse")
    if channels % stride**2:
        section.fail(
            f"stride is {stride} and there are {channels} channels before it; expected a multiple of {stride**2}. "
            "Correct one of them.",
            "stride",
        )
    if not reverse and (height % stride or width % stride):
        section.fail(
            f"stride is {stride} and the image before it is {height}x{width}; expected multiples of it. Correct one "
            "of them.",
            "stride",
        )
    name = f"reorg{building.index}"
    fields: dict[str, Any] = {"stride": stride, "reverse": True} if reverse else {"stride": stride}
    building.add("Reorg", name, [building.last.blob], reorg_param=fields)
    if reverse:
        return Output(name, (channels // stride**2, height * stride, width * stride))
    return Output(name, (channels * stride**2, height // stride, width // stride))


def dropout(building: Building, section: Section) -> Output:
    refuse_others(section, {"dropblock": 0})
    ratio, before = section.number("probability", 0.5, least=0), building.last
    if ratio >= 1:
        section.fail(f"probability is {ratio:g}; expected less than 1. Lower it.", "probability")
    name = f"drop{building.index}"
    top = before.blob if before.owned else name  # Darknet works in place on its own outputs
    building.add("Dropout", name, [before.blob], [top], dropout_param={"dropout_ratio": ratio})
    return Output(top, before.shape)


def activation(building: Building, section: Section) -> Output:
    """An activation by itself; it leaves what comes before as it is."""
    kind, name, before = read_activation(section, "linear"), f"act{building.index}", building.last
    if kind == "linear":
        return Output(before.blob, before.shape, owned=False)
    if kind not in ("swish", "mish"):
        building.add("Power", name, [before.blob])
        return Output(add_activation(building, kind, name, name), before.shape)
    return Output(add_activation(building, kind, before.blob, name), before.shape)


def _earlier(building: Building, section: Section, key: str, number: int) -> Output:
    """The output of the layer with a number, which counts backwards from here where it is negative."""
    index = building.index + number if number < 0 else number
    if not 0 <= index < building.index:
        section.fail(
            f"{key} names layer {number}; this is layer {building.index}, so expected one of 0 to "
            f"{building.index - 1}, or counted from here -{building.index} to -1. Correct it.",
            key,
        )
    return building.outputs[index]


def _channels(building: Building, source: Output, kept: range, stem: str) -> str:
    """A blob with some channels of ``source``; the others end in a Silence layer."""
    points = sorted({kept.start, kept.stop} - {0, source.shape[0]})
    if not points:
        return source.blob
    edges = [0, *points, source.shape[0]]
    tops = [f"{stem}_from{edge}" for edge in edges[:-1]]
    building.add("Slice", f"{stem}_slice", [source.blob], tops, slice_param={"axis": 1, "slice_point": points})
    chosen = tops[edges.index(kept.start)]
    building.add("Silence", f"{stem}_silence", [top for top in tops if top != chosen], [])
    return chosen


def _fitted(building: Building, section: Section, source: Output, target: Output, stem: str) -> Output:
    """``source`` in the height and width of ``target``: of a larger one every n-th pixel."""
    if source.shape[1:] == target.shape[1:]:
        return source
    strides = [old // new for old, new in zip(source.shape[1:], target.shape[1:], strict=True)]
    exact = all(old == new * strides[0] for old, new in zip(source.shape[1:], target.shape[1:], strict=True))
    if strides[0] < 2 or not exact:
        section.fail(
            f"adds an image of {source.shape[1]}x{source.shape[2]} to one of {target.shape[1]}x{target.shape[2]}; "
            "expected one size, or the first a multiple of the second. Correct from.",
            "from",
        )
    name = f"{stem}_every{strides[0]}"
    fields = {"pool": "MAX", "kernel_size": 1, "stride": strides[0], "round_mode": "FLOOR"}
    building.add("Pooling", name, [source.blob], pooling_param=fields)
    return Output(name, (source.shape[0], *target.shape[1:]))


def _sum(building: Building, total: Output, source: Output, name: str, factors: list[float]) -> str:
    """``total`` plus ``source`` over the channels that both have; further ones of ``total`` stay as they are."""
    shared = min(total.shape[0], source.shape[0])
    fields = {} if factors == [1, 1] else {"eltwise_param": {"operation": "SUM", "coeff": factors}}
    added = _channels(building, source, range(shared), f"{name}_added")
    if total.shape[0] == shared:
        building.add("Eltwise", name, [total.blob, added], **fields)
        return name
    tops = [f"{name}_first", f"{name}_rest"]
    building.add("Slice", f"{name}_slice", [total.blob], tops, slice_param={"axis": 1, "slice_point": [shared]})
    building.add("Eltwise", f"{name}_sum", [tops[0], added], **fields)
    building.add("Concat", name, [f"{name}_sum", tops[1]])
    return name
