"""DetectionEvaluate: which boxes are right. Source: SSD's Caffe, src/caffe/layers/detection_evaluate_layer.cpp."""

from __future__ import annotations

import numpy as np

from netdef.data.detection_files import pixels, read_names_and_sizes
from netdef.data.detection_scores import mark
from netdef.layer import Layer, exactly, register_layer
from netdef.layers._axes import bottom_name


@register_layer("DetectionEvaluate")
class DetectionEvaluateLayer(Layer):
    """Compares the boxes that a detector found with the true ones.

    Formula
        In each image and class, strongest box first: a box is right if the true box that it overlaps most is overlapped
        by overlap_threshold or more and no stronger box had it; else it is wrong.
    Bottom / Top
        2 → 1: boxes ``(1, 1, R, 7)`` of DetectionOutput; true boxes ``(1, 1, T, 8)``, rows image, class, instance,
        xmin, ymin, xmax, ymax, difficult, up to the first of image -1 → ``(1, 1, classes + R, 5)``: for each class but
        the background a row -1, class, number of true boxes, -1, -1; then a row image, class, confidence, right, wrong
        for each box, ordered by image and class.
    Learnable
        None.
    Fields
        num_classes, background included · background_label_id: -1 if there is none · overlap_threshold: a share, above
        0 · evaluate_difficult_gt: with false, difficult boxes do not count, and what is found of them is neither right
        nor wrong · name_size_file: names, heights and widths of the images, in the order of the data; boxes are then
        compared in pixels · resize_param: how the data layer resized them.
    Raises
        LayerError when num_classes is missing, overlap_threshold is not above 0, a shape does not fit or a box is of
        the background class; DataError where name_size_file is unfit.
    Source
        SSD's Caffe detection_evaluate_layer.cpp:12-220. A solver with eval_type "detection" makes the mean average
        precision of the top.
    Differs from Caffe
        Of equal confidences the first counts as the strongest. Boxes in pixels hold their far corners with every
        resize_mode; Caffe forgets them in the areas of FIT_SMALL_SIZE with height_scale and width_scale. There is no
        gradient, as there.
    """

    num_bottom, num_top = exactly(2), exactly(1)

    def layer_setup(self, bottom, top):
        self.fields = fields = self.param.detection_evaluate_param
        if fields.num_classes == 0:
            self.fail(
                "num_classes is 0 or missing; expected the number of classes, background included. Set it.",
                "detection_evaluate_param",
            )
        if not fields.overlap_threshold > 0:
            self.fail(
                f"overlap_threshold is {fields.overlap_threshold:g}; it must be above 0. Raise it.",
                "detection_evaluate_param.overlap_threshold",
            )
        self.sizes = read_names_and_sizes(fields.name_size_file) if fields.name_size_file else []
        self.image = 0  # where in sizes the next image is
        self.classes = [label for label in range(fields.num_classes) if label != fields.background_label_id]

    def reshape(self, bottom, top):
        for index, width in ((0, 7), (1, 8)):
            shape = bottom[index].shape
            if len(shape) != 4 or shape[:2] != (1, 1) or shape[3] != width:
                self.fail(
                    f"{bottom_name(self, index)} has shape {shape}; expected (1, 1, boxes, {width}). "
                    "Give the boxes of DetectionOutput, then those of AnnotatedData.",
                    "bottom",
                )
        top[0].reshape(1, 1, len(self.classes), 5)

    def forward(self, bottom, top):
        found, true = bottom[0].data[0, 0], bottom[1].data[0, 0]
        found = found[found[:, 0] != -1]
        true = true[: np.argmax(true[:, 0] == -1)] if (true[:, 0] == -1).any() else true
        for index, rows in enumerate((found, true)):
            self._check_classes(index, rows)
        counted = true if self.fields.evaluate_difficult_gt else true[true[:, 7] == 0]
        rows = [(-1, label, (counted[:, 1] == label).sum(), -1, -1) for label in self.classes]
        for image in np.unique(found[:, 0]):
            rows += self._judge_image(found[found[:, 0] == image], true[true[:, 0] == image])
            self.image = (self.image + 1) % max(len(self.sizes), 1)
        top[0].reshape(1, 1, len(rows), 5)
        top[0].data[0, 0] = rows

    def _check_classes(self, index, rows):
        if (rows[:, 1] == self.fields.background_label_id).any() and self.fields.background_label_id != -1:
            self.fail(
                f"{bottom_name(self, index)} has a box of class {self.fields.background_label_id}, the background; "
                "expected other classes alone. Correct the labels, or background_label_id."
            )

    def _judge_image(self, found, true):
        """The rows of one image."""
        rows = []
        for label in np.unique(found[found[:, 1] != -1, 1]):
            boxes, goals = found[found[:, 1] == label], true[true[:, 1] == label]
            if len(goals):
                boxes = boxes[np.argsort(-boxes[:, 2], kind="stable")]
            difficult = (goals[:, 7] != 0) & (not self.fields.evaluate_difficult_gt)
            places = self._place(boxes[:, 3:]), self._place(goals[:, 3:7])
            marks = mark(*places, difficult, self.fields.overlap_threshold, pixel=int(bool(self.sizes)))
            rows += np.hstack([boxes[:, :3], marks]).tolist()
        return rows

    def _place(self, boxes):
        """Boxes in pixels where the sizes of the images are known, else as they are."""
        if not self.sizes:
            return boxes
        _, height, width = self.sizes[self.image]
        resize = self.fields.resize_param if self.fields.HasField("resize_param") else None
        return pixels(boxes, height, width, resize)

    def backward(self, top, propagate_down, bottom):
        if any(propagate_down):
            self.fail("has no gradient, but one is asked of it. Use MultiBoxLoss for training.")

    def allow_force_backward(self, bottom_index):
        return False

    def state(self):
        return str(self.image).encode() if self.sizes else None

    def restore(self, state):
        self.image = int(state) % max(len(self.sizes), 1)
