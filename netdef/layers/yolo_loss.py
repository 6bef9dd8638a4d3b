"""YoloLoss and RegionLoss: how well a grid of cells tells of the objects on an image.

Source: Darknet (github.com/pjreddie/darknet), src/yolo_layer.c, src/region_layer.c.
"""

from __future__ import annotations

import numpy as np

from netdef.errors import DataError
from netdef.kernels import yolo_loss as kernels
from netdef.kernels.eltwise import multiply_by
from netdef.layer import LossLayer, exactly, register_layer
from netdef.layers._axes import bottom_name
from prototxt import schema


class GridLoss(LossLayer):
    """What the two have in common: a grid, true boxes, and a loss of the difference."""

    num_bottom = exactly(2)
    message = ""  # the field with the parameters
    softmax = False  # whether classes exclude each other

    def layer_setup(self, bottom, top):
        super().layer_setup(bottom, top)
        self.fields = getattr(self.param, self.message)
        for name in ("num_classes", "num_box"):
            if getattr(self.fields, name) == 0:
                self.refuse(f"{name} is 0; expected at least 1. Raise it.", name)
        for size in self.fields.biases:
            if not size > 0:
                self.refuse(f"has {size:g} among biases, sizes of boxes; they must be above 0. Correct it.", "biases")

    def refuse(self, message: str, field: str) -> None:
        self.fail(message, f"{self.message}.{field}")

    def reshape(self, bottom, top):
        super().reshape(bottom[:1], top)
        grid, truth = bottom[0].shape, bottom[1].shape
        each = self.fields.num_box * (5 + self.fields.num_classes)
        if len(grid) != 4 or grid[1] != each:
            self.fail(
                f"{bottom_name(self, 0)} has shape {grid}; {self.fields.num_box} boxes with 4 sides, an object's score "
                f"and {self.fields.num_classes} classes each need (num, {each}, height, width). Correct num_output "
                "before, num_box or num_classes.",
                "bottom",
            )
        if not truth or truth[-1] != 8:
            self.fail(f"{bottom_name(self, 1)} has shape {truth}; expected true boxes (1, 1, boxes, 8).", "bottom")

    def forward(self, bottom, top):
        num, channels, height, width = bottom[0].shape
        cells = bottom[0].data.reshape(num, self.fields.num_box, -1, height, width)
        truth, first = self._read_truth(bottom[1].data.reshape(-1, 8), num)
        target, weight = self.scratch("target", cells.shape), self.scratch("weight", cells.shape)
        self.aim(cells, truth, first, target, weight)
        partial = self.scratch("partial", num, np.float64)
        kernels.cell_losses(cells, target, weight, self.softmax, partial, self.scratch("diff", cells.shape))
        top[0].data[...] = partial.sum() / max(num, 1)

    def aim(self, cells, truth, first, target, weight) -> None:
        """Fill ``target`` and ``weight``; `netdef.kernels.yolo_loss` tells of the arrays."""

    def backward(self, top, propagate_down, bottom):
        if propagate_down[0]:
            diff = self.scratch("diff", self._cells(bottom[0])).reshape(-1)
            factor = self.dtype.type(self.loss_scale(top) / max(bottom[0].shape[0], 1))
            multiply_by(factor, diff, bottom[0].diff.reshape(-1))

    def _cells(self, blob):
        num, channels, height, width = blob.shape
        return num, self.fields.num_box, channels // self.fields.num_box, height, width

    def _read_truth(self, rows, num):
        """The true boxes as rows x, y, w, h, class ordered by image, and where those of each image begin."""
        ends = np.flatnonzero(rows[:, 0] == -1)
        rows = rows[: ends[0]] if len(ends) else rows
        self._check_truth(rows, num)
        rows = rows[np.argsort(rows[:, 0], kind="stable")]
        least, most = rows[:, 3:5], rows[:, 5:7]
        truth = np.concatenate([(least + most) / 2, most - least, rows[:, 1:2] - 1], axis=1)
        return np.ascontiguousarray(truth), np.searchsorted(rows[:, 0], np.arange(num + 1))

    def _check_truth(self, rows, num):
        classes = self.fields.num_classes
        wrong = (rows[:, 1] < 1) | (rows[:, 1] > classes) | (rows[:, 1] != np.floor(rows[:, 1]))
        if wrong.any():
            row = int(np.argmax(wrong))
            raise DataError(
                f"row {row} of {bottom_name(self, 1)} has the class {rows[row, 1]:g}; expected 1 to {classes}. "
                "Correct the label or num_classes.",
                field="bottom",
            )
        wrong = ~(rows[:, 0] >= 0) | ~(rows[:, 0] < num)
        if wrong.any():
            row = int(np.argmax(wrong))
            raise DataError(
                f"row {row} of {bottom_name(self, 1)} is of image {rows[row, 0]:g}; expected 0 to {num - 1}, or -1 at "
                "the end. Correct the data.",
                field="bottom",
            )
        wrong = ~(rows[:, 5:7] > rows[:, 3:5]).all(axis=1)
        if wrong.any():
            row = int(np.argmax(wrong))
            sides = ", ".join(f"{side:g}" for side in rows[row, 3:7])
            raise DataError(
                f"row {row} of {bottom_name(self, 1)} has the sides {sides}; expected xmin, ymin, xmax, ymax with "
                "both largest above the least. Correct the data.",
                field="bottom",
            )


@register_layer("YoloLoss")
class YoloLossLayer(GridLoss):
    """Loss of one grid of a YOLO v3 detector: boxes, objects and classes, all at once.

    Formula
        ``E = 1 / N * sum of weight * loss``, the loss being the cross entropy of sigmoid(x), sigmoid(y),
        sigmoid(object) and each sigmoid(class) with their targets, and half the square of what w and h are off. A truth
        with middle X, Y and size w, h is the target, in the cell with its middle, of the anchor m, of all biases, whose
        size is most like its own, if mask has m: ``x = X W - column``, ``y = Y H - row``,
        ``w = log(w / anchor's w)``, weighted with ``2 - w h``; object and class 1, other classes 0. Other boxes have no
        object, except those that overlap a truth by more than ignore_thresh, which have no target. A box that overlaps
        one by more than truth_thresh has it as its target. Targets are constants to the gradient.
    Bottom / Top
        2 → 1: a grid ``(N, num_box (5 + num_classes), H, W)``, in each box x, y, w, h, object, classes, before any
        sigmoid; true boxes ``(1, 1, G, 8)`` as AnnotatedData gives them: image, class (from 1), instance, xmin, ymin,
        xmax, ymax in shares of the image, difficult; image -1 ends them → the loss, a scalar ≥ 0.
    Learnable
        None.
    Fields
        num_classes, without background · num_box: boxes of a cell · biases: width and height of all anchors, pixels ·
        mask: which of them this grid has, num_box numbers; all if not given · anchors_scale: pixels from cell to cell ·
        ignore_thresh, truth_thresh: overlaps in [0, 1].
    Raises
        LayerError when biases, mask and num_box do not fit, anchors_scale is missing or a shape does not fit; DataError
        for true boxes of no class, no image or without size.
    Source
        Darknet yolo_layer.c:85-240; Redmon and Farhadi, "YOLOv3: an incremental improvement", arXiv:1804.02767, 2018.
    Differs from Caffe
        Caffe has no such type. The gradient is Darknet's, whose printed loss is the sum of its squares instead.
    """

    message = "yolo_loss_param"

    def layer_setup(self, bottom, top):
        super().layer_setup(bottom, top)
        fields = self.fields
        if not fields.biases or len(fields.biases) % 2:
            self.refuse(
                f"has {len(fields.biases)} biases; expected a width and a height for each anchor. Complete them.",
                "biases",
            )
        if fields.anchors_scale == 0:
            self.refuse(
                "anchors_scale is 0 or missing; expected the pixels from cell to cell. Set it.", "anchors_scale"
            )
        self.mask = np.array(fields.mask or range(len(fields.biases) // 2), np.int64)
        if len(self.mask) != fields.num_box or self.mask.max() >= len(fields.biases) // 2:
            self.refuse(
                f"mask is {', '.join(map(str, self.mask))}; expected {fields.num_box} (num_box) of the "
                f"{len(fields.biases) // 2} anchors, counted from 0. Correct one of them.",
                "mask",
            )

    def aim(self, cells, truth, first, target, weight):
        fields, (height, width) = self.fields, cells.shape[3:]
        sizes = np.array(fields.biases, np.float64).reshape(-1, 2) / fields.anchors_scale / (width, height)
        limits = self.dtype.type(fields.ignore_thresh), self.dtype.type(fields.truth_thresh)
        kernels.aim_yolo(cells, truth, first, sizes.astype(self.dtype), self.mask, *limits, target, weight)


@register_layer("RegionLoss")
class RegionLossLayer(GridLoss):
    """Loss of a YOLO v2 detector: boxes, objects and classes, all at once.

    Formula
        As YoloLoss's, but for these: a truth is the target of the box, of those in the cell with its middle, whose size
        is most like its own, by what the box tells of or with bias_match by its anchor; weights are
        ``coord_scale (2 - w h)`` of a box, object_scale, noobject_scale and class_scale; with rescore an object's
        target is the overlap of box and truth; classes have a softmax with its cross entropy, or with
        ``softmax: false`` sigmoids. In the first prior_images images of training all other boxes have their own anchor
        in the middle of their cell as target, weighted with 0.01.
    Bottom / Top
        2 → 1: a grid ``(N, num_box (5 + num_classes), H, W)`` and true boxes, as YoloLoss's → the loss, a scalar ≥ 0.
    Learnable
        None. The number of images seen is part of the state that a resumed run goes on with.
    Fields
        num_classes, without background · num_box: boxes of a cell · biases: width and height of each, in cells ·
        softmax · coord_scale, object_scale, noobject_scale, class_scale: factors · thresh: overlap in [0, 1] beyond
        which a box may have an object · rescore · bias_match · prior_images.
    Raises
        LayerError when biases are not 2 num_box sizes or a shape does not fit; DataError for true boxes of no class, no
        image or without size.
    Source
        Darknet region_layer.c:74-330; Redmon and Farhadi, "YOLO9000: better, faster, stronger", CVPR 2017.
    Differs from Caffe
        Caffe has no such type. The gradient is Darknet's, whose printed loss is the sum of its squares instead. There
        are no trees of classes, masks or background.
    """

    message = "region_loss_param"

    def layer_setup(self, bottom, top):
        super().layer_setup(bottom, top)
        fields, self.softmax = self.fields, self.fields.softmax
        if len(fields.biases) != 2 * fields.num_box:
            self.refuse(
                f"has {len(fields.biases)} biases and num_box is {fields.num_box}; expected a width and a height for "
                "each box. Correct one of them.",
                "biases",
            )
        self.seen = 0  # images of training

    def aim(self, cells, truth, first, target, weight):
        fields, (height, width) = self.fields, cells.shape[3:]
        prior = False
        if self.phase == schema.TRAIN:
            self.seen += len(cells)
            prior = self.seen < fields.prior_images
        sizes = np.array(fields.biases, np.float64).reshape(-1, 2) / (width, height)
        scales = fields.coord_scale, fields.object_scale, fields.noobject_scale, fields.class_scale
        kernels.aim_region(
            cells, truth, first, sizes.astype(self.dtype), self.dtype.type(fields.thresh),
            np.array(scales, self.dtype), prior, not self.softmax, fields.rescore, fields.bias_match, target, weight,
        )  # fmt: skip

    def state(self) -> bytes:
        return str(self.seen).encode()

    def restore(self, state: bytes) -> None:
        self.seen = int(state)
