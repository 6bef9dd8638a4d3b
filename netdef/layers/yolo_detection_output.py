"""YoloDetectionOutput and Yolov3DetectionOutput: boxes out of YOLO's detectors.

Source: the YOLO ports' Caffe, src/caffe/layers/yolo_detection_output_layer.cpp, yolov3_detection_output_layer.cpp.
"""

from __future__ import annotations

import numpy as np

from netdef.kernels import yolo as kernels
from netdef.layer import Layer, at_least, between, exactly, register_layer
from netdef.layers._axes import bottom_name


class YoloOutput(Layer):
    """What the two have in common: one grid of cells in each bottom, and the rows of the top."""

    num_top = exactly(1)
    message = ""  # the field with the parameters
    softmax = False  # whether classes exclude each other

    def layer_setup(self, bottom, top):
        self.fields = fields = getattr(self.param, self.message)
        for name in ("num_classes", "num_box"):
            if getattr(fields, name) == 0:
                self.refuse(f"{name} is 0; expected at least 1. Raise it.", name)
        if not 0 <= fields.nms_threshold <= 1:
            self.refuse(
                f"nms_threshold is {fields.nms_threshold:g}; it must be between 0 and 1. Correct it.", "nms_threshold"
            )
        for size in fields.biases:
            if not size > 0:
                self.refuse(f"has {size:g} among biases, sizes of boxes; they must be above 0. Correct it.", "biases")
        self.sizes = self.box_sizes(len(bottom))

    def refuse(self, message: str, field: str) -> None:
        self.fail(message, f"{self.message}.{field}")

    def box_sizes(self, bottoms: int) -> list[np.ndarray]:
        """Width and height in cells of the boxes of each bottom, float64 ``(num_box, 2)``."""

    def reshape(self, bottom, top):
        each = self.fields.num_box * (5 + self.fields.num_classes)
        for index, blob in enumerate(bottom):
            if len(blob.shape) != 4 or blob.shape[1] != each:
                self.fail(
                    f"{bottom_name(self, index)} has shape {blob.shape}; {self.fields.num_box} boxes with 4 sides, "
                    f"an object's score and {self.fields.num_classes} classes each need (num, {each}, height, width). "
                    "Correct num_output before, num_box or num_classes.",
                    "bottom",
                )
            if blob.shape[0] != bottom[0].shape[0]:
                self.fail(
                    f"{bottom_name(self, 0)} has shape {bottom[0].shape} and {bottom_name(self, index)} has shape "
                    f"{blob.shape}; their first axes, the batch, must agree. Give both the same batch size.",
                    "bottom",
                )
        self.counts = [self.fields.num_box * blob.count_from(2) for blob in bottom]
        top[0].reshape(1, 1, 1, 7)

    def forward(self, bottom, top):
        num, total = bottom[0].shape[0], sum(self.counts)
        boxes, scores = self.scratch("boxes", (num, total, 4)), self.scratch("scores", (num, total))
        labels, kept = (self.scratch(name, (num, total), np.int64) for name in ("labels", "kept"))
        counts = self.scratch("counts", num, np.int64)
        threshold, first = self.dtype.type(self.fields.confidence_threshold), 0
        for blob, sizes, count in zip(bottom, self.sizes, self.counts):
            height, width = blob.shape[2:]
            cells = blob.data.reshape(num, self.fields.num_box, -1, height, width)
            shares = (sizes / (width, height)).astype(self.dtype)
            kernels.decode_cells(cells, shares, self.softmax, threshold, first, boxes, scores, labels)
            first += count
        kernels.keep_apart(boxes, scores, self.dtype.type(self.fields.nms_threshold), kept, counts)
        found = int(counts.sum())
        top[0].reshape(1, 1, found or num, 7)
        rows = top[0].data.reshape(-1, 7)
        if found:
            kernels.write_boxes(boxes, scores, labels, kept, counts, rows)
        else:
            rows.fill(-1)
            rows[:, 0] = np.arange(num)

    def backward(self, top, propagate_down, bottom):
        if any(propagate_down):
            self.fail("has no gradient, but one is asked of it. Set propagate_down to false for its bottoms.")

    def allow_force_backward(self, bottom_index):
        return False


@register_layer("YoloDetectionOutput")
class YoloDetectionOutputLayer(YoloOutput):
    """The boxes that YOLO v2 finds, the strongest of those that overlap.

    Formula
        Box b of the cell in column i and row j: middle ``((i + sigmoid(x)) / W, (j + sigmoid(y)) / H)``, size
        ``(exp(w) biases[2 b] / W, exp(h) biases[2 b + 1] / H)``; its score is sigmoid(object) times the largest of
        softmax(classes). Of the boxes whose score reaches confidence_threshold, strongest first, those go that overlap
        a stronger one by nms_threshold or more, whatever their classes.
    Bottom / Top
        1 or 2 → 1: grids ``(N, num_box (5 + num_classes), H, W)``, in each box x, y, w, h, object, classes →
        ``(1, 1, R, 7)``, rows image, class (from 1), score, xmin, ymin, xmax, ymax, in shares of the image, ordered by
        image and score. Where nothing is found at all, N rows of the image's number and -1.
    Learnable
        None.
    Fields
        num_classes, without background · num_box: boxes of a cell · biases: width and height of each, in cells ·
        confidence_threshold, in [0, 1] · nms_threshold: overlap in [0, 1] · side, coords (4) and label_map_file have no
        effect.
    Raises
        LayerError when biases are not 2 num_box sizes, coords is not 4, a threshold is out of range or the shape does
        not fit.
    Source
        The YOLO ports' Caffe yolo_detection_output_layer.cpp; Redmon and Farhadi, "YOLO9000: better, faster, stronger",
        CVPR 2017.
    Differs from Caffe
        Each image is handled by itself and has its own number, where the fork mixes those of a batch; H and W may
        differ. There is no gradient, as there.
    """

    num_bottom = between(1, 2)
    message, softmax = "yolo_detection_output_param", True

    def box_sizes(self, bottoms: int) -> list[np.ndarray]:
        fields = self.fields
        if fields.coords != 4:
            self.refuse(f"coords is {fields.coords}; expected 4, x, y, width and height. Correct it.", "coords")
        if len(fields.biases) != 2 * fields.num_box:
            self.refuse(
                f"has {len(fields.biases)} biases and num_box is {fields.num_box}; expected a width and a height for "
                "each box. Correct one of them.",
                "biases",
            )
        return [np.array(fields.biases, np.float64).reshape(-1, 2)] * bottoms


@register_layer("Yolov3DetectionOutput")
class Yolov3DetectionOutputLayer(YoloOutput):
    """The boxes that YOLO v3 finds on grids of several sizes, the strongest of those that overlap.

    Formula
        As YoloDetectionOutput's, but for these: a box has the size ``exp(w) biases[2 m] / (W anchors_scale)`` and
        likewise high, m being its number in mask; classes do not exclude each other, so that a score is sigmoid(object)
        times the largest of sigmoid(classes); it must be above confidence_threshold.
    Bottom / Top
        1 or more → 1: grids ``(N, num_box (5 + num_classes), H, W)`` → ``(1, 1, R, 7)``, as YoloDetectionOutput's.
    Learnable
        None.
    Fields
        num_classes, without background · num_box: boxes of a cell · mask_group_num: the number of bottoms · biases:
        widths and heights, pixels · mask: which of these the boxes of the first bottom have, then those of the
        second · anchors_scale: pixels from cell to cell, for each bottom · confidence_threshold, in [0, 1] ·
        nms_threshold: overlap in [0, 1].
    Raises
        LayerError when the numbers of bottoms, biases, mask and anchors_scale do not fit, a threshold is out of range
        or a shape does not fit.
    Source
        The YOLO ports' Caffe yolov3_detection_output_layer.cpp; Redmon and Farhadi, "YOLOv3: an incremental
        improvement", arXiv:1804.02767, 2018.
    Differs from Caffe
        As YoloDetectionOutput.
    """

    num_bottom = at_least(1)
    message = "yolov3_detection_output_param"

    def box_sizes(self, bottoms: int) -> list[np.ndarray]:
        fields = self.fields
        wanted = {"mask_group_num": fields.mask_group_num, "anchors_scale": len(fields.anchors_scale)}
        for name, found in wanted.items():
            if found != bottoms:
                self.refuse(
                    f"has {bottoms} bottoms and {found} as its number of {name}; they must be equal. Correct one of "
                    "them.",
                    name,
                )
        if len(fields.mask) != bottoms * fields.num_box:
            self.refuse(
                f"has {len(fields.mask)} mask; expected {fields.num_box} (num_box) for each of {bottoms} bottoms. "
                "Correct their number.",
                "mask",
            )
        if max(fields.mask) >= len(fields.biases) // 2 or len(fields.biases) % 2:
            self.refuse(
                f"mask names box {max(fields.mask)}, counted from 0, and there are {len(fields.biases)} biases; "
                f"expected a width and a height for each box. Correct one of them.",
                "mask",
            )
        if min(fields.anchors_scale) == 0:
            self.refuse("anchors_scale is 0; expected the pixels from cell to cell. Correct it.", "anchors_scale")
        biases = np.array(fields.biases, np.float64).reshape(-1, 2)
        masks = np.array(fields.mask, np.int64).reshape(bottoms, -1)
        return [biases[mask] / scale for mask, scale in zip(masks, fields.anchors_scale)]
