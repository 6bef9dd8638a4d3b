"""DetectionOutput: boxes out of a detector. Source: SSD's Caffe, src/caffe/layers/detection_output_layer.cpp."""

from __future__ import annotations

import warnings

import numpy as np

from netdef.data.detection_files import FORMATS, DetectionFiles
from netdef.kernels import boxes as kernels
from netdef.layer import Layer, between, exactly, register_layer
from netdef.layers._axes import bottom_name


@register_layer("DetectionOutput")
class DetectionOutputLayer(Layer):
    """The boxes that a single-shot detector finds, the strongest of those that overlap.

    Formula
        Decode each location against its prior; for each class but the background take the top_k boxes with a
        confidence above confidence_threshold, strongest first, and drop those that overlap a stronger one by more
        than nms_threshold; of all classes keep the keep_top_k strongest in each image.
    Bottom / Top
        3 or 4 → 1: locations ``(N, 4 P L)``, L being 1 or, without share_location, num_classes; confidences
        ``(N, P num_classes)``; priors ``(1, 2, 4 P)``; an image, which is not looked at → ``(1, 1, R, 7)``, rows
        image, class, confidence, xmin, ymin, xmax, ymax, in shares of the image, ordered by image, class and
        confidence. Where nothing is found at all, N rows of the image's number and -1.
    Learnable
        None.
    Fields
        num_classes, background included · share_location: one box for all classes · background_label_id: -1 if there is
        none · nms_param: nms_threshold (overlap in [0, 1]), top_k (boxes), eta (factor on the threshold while it is
        above 0.5, in (0, 1]) · code_type: CORNER, CENTER_SIZE or CORNER_SIZE · keep_top_k: -1 for all ·
        confidence_threshold · variance_encoded_in_target · save_output_param: files of what is found, written when
        num_test_image images are through: in output_directory, named output_name_prefix and the class (VOC), or .json
        (COCO) or .txt (ILSVRC), by output_format; classes' names from label_map_file; images' names, heights and
        widths, in the order of the data, from name_size_file; resize_param: how the data layer resized them.
    Raises
        LayerError when num_classes is missing, a threshold is out of range, shapes do not fit, or a prior has no size;
        DataError and PrototxtError where the files that save_output_param names are unfit, WeightsError where its
        output cannot be written.
    Source
        SSD's Caffe detection_output_layer.cpp:14-310, bbox_util.cpp; Liu et al., "SSD: single shot multibox detector",
        ECCV 2016.
    Differs from Caffe
        visualize is not carried out, which a warning says. Of equal confidences the lower class is kept. There is no
        gradient, as there. The files of save_output_param are written whole or not at all, none of them before the
        last image. COCO's are laid out differently, and names with leading zeros stay texts.
    """

    num_bottom, num_top = between(3, 4), exactly(1)

    def layer_setup(self, bottom, top):
        self.fields = fields = self.param.detection_output_param
        nms = fields.nms_param
        if fields.num_classes == 0:
            self.fail(
                "num_classes is 0 or missing; expected the number of classes, background included. Set it.",
                "detection_output_param",
            )
        if not nms.nms_threshold >= 0:
            self.fail(
                f"nms_threshold is {nms.nms_threshold:g}; it must be 0 or more. Raise it.",
                "detection_output_param.nms_param.nms_threshold",
            )
        if not 0 < nms.eta <= 1:
            self.fail(
                f"eta is {nms.eta:g}; it must be above 0 and at most 1. Correct it.",
                "detection_output_param.nms_param.eta",
            )
        self.top_k = nms.top_k if nms.HasField("top_k") else -1
        given = fields.HasField("confidence_threshold")
        self.threshold = self.dtype.type(fields.confidence_threshold if given else np.finfo(np.float32).min)
        self.loc_classes = 1 if fields.share_location else fields.num_classes
        self.files = self._open_files()
        if fields.visualize:
            self._warn("visualize is ignored; netdef returns the boxes and shows no pictures of them.")

    def _open_files(self):
        """The `DetectionFiles` of save_output_param, None where nothing is to be saved."""
        fields = self.fields.save_output_param
        if not fields.output_directory:
            return None
        missing = [name for name in ("label_map_file", "name_size_file") if not getattr(fields, name)]
        if missing:
            self._warn(f"save_output_param has no {' and no '.join(missing)}, so that nothing is saved.")
            return None
        if fields.output_format not in FORMATS:
            self.fail(
                f'output_format is "{fields.output_format}"; expected one of {", ".join(FORMATS)}. Correct it.',
                "detection_output_param.save_output_param.output_format",
            )
        classes = [label for label in range(self.fields.num_classes) if label != self.fields.background_label_id]
        return DetectionFiles(fields, classes)

    def _warn(self, message):
        warnings.warn(f'layer "{self.name}" (DetectionOutput): {message}', stacklevel=2)

    def reshape(self, bottom, top):
        locations, confidences, priors = (blob.shape for blob in bottom[:3])
        if len(priors) < 3 or priors[1] != 2 or priors[2] % 4:
            self.fail(
                f"{bottom_name(self, 2)} has shape {priors}; expected (1, 2, 4 * priors), as PriorBox makes it.",
                "bottom",
            )
        self.priors = priors[2] // 4
        for index, shape, each in ((0, locations, 4 * self.loc_classes), (1, confidences, self.fields.num_classes)):
            if not shape or bottom[index].count_from(1) != self.priors * each:
                self.fail(
                    f"{bottom_name(self, index)} has shape {shape}; {self.priors} priors with {each} numbers each need "
                    f"(num, {self.priors * each}). Correct num_output before, or num_classes.",
                    "bottom",
                )
        if locations[0] != confidences[0]:
            self.fail(
                f"{bottom_name(self, 0)} has shape {locations} and {bottom_name(self, 1)} has shape {confidences}; "
                "their first axes, the batch, must agree. Give both the same batch size.",
                "bottom",
            )
        top[0].reshape(1, 1, 1, 7)

    def forward(self, bottom, top):
        fields, num = self.fields, bottom[0].shape[0]
        codes = bottom[0].data.reshape(num, self.priors, self.loc_classes, 4)
        scores = bottom[1].data.reshape(num, self.priors, fields.num_classes)
        boxes = self.scratch("boxes", codes.shape)
        kernels.decode_boxes(codes, *self._read_priors(bottom[2]), fields.code_type, boxes)
        kept = self.scratch("kept", (num, fields.num_classes, self.priors), np.int64)
        counts = self.scratch("counts", (num, fields.num_classes), np.int64)
        number = self.dtype.type
        nms = number(fields.nms_param.nms_threshold), number(fields.nms_param.eta), self.top_k
        kernels.keep_best_of_all(boxes, scores, fields.background_label_id, self.threshold, *nms, kept, counts)
        if fields.keep_top_k >= 0:
            kernels.keep_strongest(scores, kept, fields.keep_top_k, counts)
        found = int(counts.sum())
        top[0].reshape(1, 1, found or num, 7)
        rows = top[0].data.reshape(-1, 7)
        if found:
            kernels.write_detections(boxes, scores, kept, counts, rows)
        else:
            rows.fill(-1)
            rows[:, 0] = np.arange(num)
        for image in range(num if self.files else 0):
            self.files.add(rows[(rows[:, 0] == image) & (rows[:, 1] >= 0)])

    def _read_priors(self, blob):
        """Boxes and variances, ``(priors, 4)`` each; variances of 1 where the locations hold them already."""
        boxes, variances = blob.data.reshape(-1, 2, self.priors, 4)[0]
        if self.fields.code_type != kernels.CORNER:
            empty = (boxes[:, 2] <= boxes[:, 0]) | (boxes[:, 3] <= boxes[:, 1])
            if empty.any():
                number = int(np.argmax(empty))
                self.fail(
                    f"prior {number} of {bottom_name(self, 2)} is {boxes[number].tolist()}; expected xmin < xmax and "
                    "ymin < ymax. Correct the PriorBox layers."
                )
        if self.fields.variance_encoded_in_target:
            variances = np.ones_like(variances)
        return boxes, variances

    def backward(self, top, propagate_down, bottom):
        if any(propagate_down):
            self.fail("has no gradient, but one is asked of it. Use MultiBoxLoss for training.")

    def allow_force_backward(self, bottom_index):
        return False
