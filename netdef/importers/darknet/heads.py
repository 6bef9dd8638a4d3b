"""Sections at which a net is told how wrong it is, or answers: softmax, cost, logistic, yolo, region.

Darknet's gradients are sums over the images, divided by their number when the weights change; Caffe's losses are means,
so that the same numbers come out. Source: Darknet src/softmax_layer.c, src/cost_layer.c, src/logistic_layer.c,
src/yolo_layer.c, src/region_layer.c, src/blas.c.
"""

from __future__ import annotations

from typing import Any

from netdef.importers.darknet.cfg import Section
from netdef.importers.darknet.filters import refuse_others
from netdef.importers.darknet.net import Building, Output, new_layer, require_image
from prototxt import schema

COSTS = ("sse", "L1", "smooth")
# AlexeyAB's options that change what a trained net answers.
_YOLO_NEUTRAL = {"scale_x_y": 1, "new_coords": 0}
_REGION_NEUTRAL = {"background": 0, "mask_scale": 1}
_LOSS_ONLY = {
    "yolo": (
        "iou_loss", "iou_normalizer", "obj_normalizer", "cls_normalizer", "iou_thresh", "max_delta", "delta_normalizer",
        "label_smooth_eps", "objectness_smooth", "focal_loss", "counters_per_class", "map",
    ),
    "region": ("focal_loss", "map"),
}  # fmt: skip
_JITTER = ("jitter", "random", "resize", "max", "truth_thresh")


def softmax(building: Building, section: Section, cost: Section | None) -> Output:
    """The last section but for a ``cost``; both of them give their gradient in Darknet, and it is the same one."""
    before = building.last
    refuse_others(section, {"groups": 1})
    if section.has("tree"):
        section.fail("tree, a softmax over a tree of classes, has no equivalent here. Take it away.", "tree")
    if section.flag("spatial") and before.shape[1:] != (1, 1):
        section.fail("spatial is 1, which has no equivalent here. Take it away.", "spatial")
    temperature = section.number("temperature", 1.0, least=1e-6)
    blob = _flat(building, before)
    if temperature != 1:
        building.add("Power", f"temperature{building.index}", [blob], power_param={"scale": 1 / temperature})
        blob = f"temperature{building.index}"
    weight = 0.0 if section.flag("noloss") else 1.0
    if cost is not None:
        weight += _cost_of_softmax(building, cost)
    if weight == 0:
        section.fail("noloss is 1 and no [cost] follows; nothing would be learned. Take noloss away.", "noloss")
    building.truth = "class"
    loss = new_layer("SoftmaxWithLoss", "loss", [blob, "label"], ["loss"])
    if weight * temperature != 1:
        loss.loss_weight.append(weight * temperature)
    building.losses.append(loss)
    accuracy = new_layer("Accuracy", "accuracy", [blob, "label"], ["accuracy"])
    accuracy.include.add().phase = schema.TEST
    building.losses.append(accuracy)
    building.answers.append(new_layer("Softmax", "prob", [blob], ["prob"]))
    return Output("prob", before.shape, owned=False)


def cost(building: Building, section: Section) -> Output:
    """A loss on values that are no softmax; what they should be comes as a vector for each image."""
    kind, scale, before = _read_cost(section), section.number("scale", 1.0, least=0), building.last
    building.truth = "vector"
    bottoms, names = [_flat(building, before), "label"], {"sse": "EuclideanLoss", "smooth": "SmoothL1Loss"}
    if kind in names:
        loss = new_layer(names[kind], "loss", bottoms, ["loss"])
    else:  # the sum of absolute differences, as a mean over the images
        difference = new_layer("Eltwise", "difference", bottoms, ["difference"])
        difference.eltwise_param.coeff.extend([1, -1])
        building.losses.append(difference)
        loss = new_layer("Reduction", "loss", ["difference"], ["loss"], reduction_param={"operation": "ASUM"})
        scale /= building.mini_batch
    if scale != 1 or kind == "L1":
        loss.loss_weight.append(scale)
    building.losses.append(loss)
    return Output(before.blob, before.shape, owned=False)


def logistic(building: Building, section: Section) -> Output:
    """A sigmoid with its cross entropy."""
    before = building.last
    blob = _flat(building, before)
    building.truth = "vector"
    fields: dict[str, Any] = {"normalization": "BATCH_SIZE"}
    building.losses.append(new_layer("SigmoidCrossEntropyLoss", "loss", [blob, "label"], ["loss"], loss_param=fields))
    building.answers.append(new_layer("Sigmoid", "prob", [blob], ["prob"]))
    return Output("prob", before.shape, owned=False)


def yolo(building: Building, section: Section) -> Output:
    refuse_others(section, _YOLO_NEUTRAL)
    classes, total = section.integer("classes", 20, least=1), section.integer("num", 1, least=1)
    anchors = _anchors(section, total)
    mask = section.integers("mask") or list(range(total))
    for number in mask:
        if not 0 <= number < total:
            section.fail(f"mask has {number}; expected numbers of anchors, 0 to {total - 1}. Correct it.", "mask")
    _check_grid(building, section, len(mask), classes)
    fields: dict[str, Any] = {
        "num_classes": classes,
        "num_box": len(mask),
        "biases": anchors,
        "mask": mask,
        "anchors_scale": _cell_size(building, section),
        "ignore_thresh": section.number("ignore_thresh", 0.5),
        "truth_thresh": section.number("truth_thresh", 1.0),
    }
    _add_grid(building, section, "YoloLoss", yolo_loss_param=fields)
    return Output(building.last.blob, building.last.shape, owned=False)


def region(building: Building, section: Section) -> Output:
    refuse_others(section, {"coords": 4, **_REGION_NEUTRAL})
    if section.has("tree"):
        section.fail("tree, a softmax over a tree of classes, has no equivalent here. Take it away.", "tree")
    classes, boxes = section.integer("classes", 20, least=1), section.integer("num", 1, least=1)
    anchors = _anchors(section, boxes)
    _check_grid(building, section, boxes, classes)
    if not section.flag("softmax"):
        section.fail(
            "softmax is 0, with which YoloDetectionOutput cannot answer; expected 1. Set softmax=1.", "softmax"
        )
    fields: dict[str, Any] = {"num_classes": classes, "num_box": boxes, "biases": anchors, "softmax": True}
    for key in ("coord_scale", "object_scale", "noobject_scale", "class_scale"):
        fields[key] = section.number(key, 1.0, least=0)
    fields["thresh"] = section.number("thresh", 0.5)
    for key in ("rescore", "bias_match"):
        fields[key] = section.flag(key)
    for key in ("absolute", "log", "sqrt", "classfix"):  # read by Darknet and used nowhere in it
        section.text(key, "")
    _add_grid(building, section, "RegionLoss", region_loss_param=fields)
    return Output(building.last.blob, building.last.shape, owned=False)


def add_detection_output(building: Building) -> None:
    """One layer of answers for all grids: Darknet's boxes above a score of 0.01, weaker ones of an overlap dropped."""
    if not building.grids:
        return
    params = [layer for layer in building.losses if layer.type in ("YoloLoss", "RegionLoss")]
    blobs = [output.blob for _, output in building.grids]
    kinds = {layer.type for layer in params}
    section = building.grids[-1][0]
    if len(kinds) > 1 or (kinds == {"RegionLoss"} and len(params) > 1):
        section.fail("is one of several outputs that cannot be put together; expected one region or several yolo.")
    if kinds == {"RegionLoss"}:
        fields = params[0].region_loss_param
        answer = {"num_classes": fields.num_classes, "num_box": fields.num_box, "biases": fields.biases}
        layer = new_layer(
            "YoloDetectionOutput", "detection_out", blobs, ["detection_out"], yolo_detection_output_param=answer
        )
    else:
        layer = _yolo_output(building, [each.yolo_loss_param for each in params], blobs)
    building.answers.append(layer)


def _yolo_output(building: Building, params: list[Any], blobs: list[str]) -> schema.LayerParameter:
    first = params[0]
    for (section, _), fields in zip(building.grids, params, strict=True):
        same = (fields.num_classes, fields.num_box, list(fields.biases))
        if same != (first.num_classes, first.num_box, list(first.biases)):
            section.fail("differs from the first [yolo] in classes, anchors or their number; expected the same.")
    answer: dict[str, Any] = {
        "num_classes": first.num_classes,
        "num_box": first.num_box,
        "biases": first.biases,
        "mask_group_num": len(params),
        "anchors_scale": [fields.anchors_scale for fields in params],
        "mask": [number for fields in params for number in fields.mask],
    }
    return new_layer(
        "Yolov3DetectionOutput", "detection_out", blobs, ["detection_out"], yolov3_detection_output_param=answer
    )


def _add_grid(building: Building, section: Section, kind: str, **fields: Any) -> None:
    name = f"loss{building.index}"
    building.losses.append(new_layer(kind, name, [building.last.blob, "label"], [name], **fields))
    building.grids.append((section, building.last))
    building.truth = "boxes"
    for key in _LOSS_ONLY[section.name]:
        if section.has(key):
            building.notice(section, f"{key} is left out: the loss is that of Darknet itself.", key)
    for key in _JITTER:
        if section.has(key) and key in ("jitter", "random", "resize"):
            building.notice(section, f"{key} is left out: images are resized, not moved about.", key)


def _check_grid(building: Building, section: Section, boxes: int, classes: int) -> None:
    channels, _, _ = require_image(section, building.last)
    if channels != boxes * (5 + classes):
        section.fail(
            f"has {boxes} boxes of {classes} classes, which need {boxes * (5 + classes)} channels before it; found "
            f"{channels}. Correct filters before, or classes.",
            "classes",
        )


def _anchors(section: Section, boxes: int) -> list[float]:
    anchors = section.numbers("anchors")
    if len(anchors) < 2 * boxes:
        section.fail(
            f"has {len(anchors)} anchors and num is {boxes}; expected a width and a height for each, {2 * boxes} "
            "numbers. Correct anchors.",
            "anchors",
        )
    if min(anchors) <= 0:
        section.fail(f"has {min(anchors):g} among its anchors; expected sizes above 0. Correct it.", "anchors")
    return anchors[: 2 * boxes]


def _cell_size(building: Building, section: Section) -> int:
    """Pixels of the input from cell to cell."""
    _, height, width = building.last.shape
    _, rows, columns = building.image
    if rows % height or columns % width or rows // height != columns // width:
        section.fail(
            f"has a grid of {height}x{width} cells over an image of {rows}x{columns}; expected the same whole number "
            "of pixels a cell both ways. Correct width and height of [net]."
        )
    return rows // height


def _flat(building: Building, output: Output) -> str:
    """A blob with one number for each of Darknet's, where an image would mean something else to Caffe's losses."""
    if output.shape[1:] == (1, 1):
        return output.blob
    name = f"flat{building.index}"
    building.add("Flatten", name, [output.blob])
    return name


def _cost_of_softmax(building: Building, section: Section) -> float:
    kind, scale = _read_cost(section), section.number("scale", 1.0, least=0)
    if kind != "sse":
        section.fail(
            f"type is {kind} behind a softmax: Darknet passes its gradient on as if the softmax were not there, which "
            "is no loss of Caffe's; expected sse. Correct type.",
            "type",
        )
    building.notice(
        section,
        f"adds {scale:g} times the gradient that the softmax before it gives already, as in Darknet since 2017; the "
        "loss_weight has both. Set it to 1 for what Darknet did before.",
    )
    return scale


def _read_cost(section: Section) -> str:
    kind = section.text("type", "sse")
    if kind not in COSTS:
        section.fail(f'type is "{kind}", which has no equivalent here; expected {", ".join(COSTS)}.', "type")
    refuse_others(section, {"ratio": 0, "noobj": 1, "thresh": 0})
    return kind
