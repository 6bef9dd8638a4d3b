"""MultiBoxLoss: how well a detector's boxes fit. Source: SSD's Caffe, src/caffe/layers/multibox_loss_layer.cpp."""

from __future__ import annotations

import numpy as np

from netdef.errors import DataError
from netdef.kernels import multibox as kernels
from netdef.kernels.boxes import CENTER_SIZE, CORNER, decode_boxes
from netdef.layer import LossLayer, exactly, register_layer
from netdef.layers._axes import bottom_name
from netdef.layers._loss import check_fixed_normalizer, normalization_mode, normalizer
from prototxt import schema

FIELDS = schema.MultiBoxLossParameter


@register_layer("MultiBoxLoss")
class MultiBoxLossLayer(LossLayer):
    """Loss of a single-shot detector: locations of the boxes that match true ones, classes of those and of negatives.

    Formula
        ``E = (loc_weight * sum of f(code - true code) + sum of g(scores, class)) / Z``: f is SMOOTH_L1 or L2, over the
        boxes matched to a true one; g is the cross entropy of SOFTMAX or LOGISTIC, over these and, as background, the
        neg_pos_ratio times as many boxes whose background is least likely; Z is the number of matches by default.
    Bottom / Top
        4 → 1: locations ``(N, 4 P)``, scores ``(N, P num_classes)``, priors ``(1, 2, 4 P)``, true boxes
        ``(1, 1, G, 8)``: image, class, instance, xmin, ymin, xmax, ymax, difficult, ended by image -1 → the loss.
    Learnable
        None.
    Fields
        num_classes, background included · background_label_id · loc_loss_type, conf_loss_type, loc_weight · match_type:
        BIPARTITE: one box for each true one, PER_PREDICTION: and all that overlap one by overlap_threshold ·
        use_prior_for_matching: match priors, not the boxes found · use_difficult_gt · mining_type: MAX_NEGATIVE or
        NONE (all other boxes are negatives) · neg_pos_ratio · neg_overlap: from that overlap on a box is no negative ·
        code_type · encode_variance_in_target · map_object_to_agnostic · ignore_cross_boundary_bbox · bp_inside ·
        loss_param.normalization: Z is FULL: N P, VALID (default): the matches, BATCH_SIZE: N, NONE: 1; at least 1;
        PRE_FIXED: pre_fixed_normalizer.
    Raises
        LayerError for fields and shapes that do not fit and for share_location: false, HARD_EXAMPLE and nms_param;
        DataError for true boxes of no class or without size, and for priors without size.
    Source
        SSD's Caffe multibox_loss_layer.cpp:10-385; Liu et al., "SSD: single shot multibox detector", ECCV 2016.
    Differs from Caffe
        share_location: false and mining with HARD_EXAMPLE or nms_param are refused. LOGISTIC without mining gives
        every image its own targets, where the fork mixes those of a batch.
    """

    num_bottom = exactly(4)

    def layer_setup(self, bottom, top):
        super().layer_setup(bottom, top)
        if not self.param.propagate_down:  # priors come from layers that learn, but have no gradient
            self.param.propagate_down.extend([True, True, False, False])
        self.fields = fields = self.param.multibox_loss_param
        self._check_fields()
        self.mode = normalization_mode(self.param.loss_param, schema.LossParameter.VALID)
        check_fixed_normalizer(self)
        self.mining = fields.mining_type != FIELDS.NONE
        self.logistic = fields.conf_loss_type == FIELDS.LOGISTIC
        self.divisor = 1.0

    def _check_fields(self):
        fields = self.fields
        if fields.num_classes == 0:
            self._refuse(
                "num_classes is 0 or missing; expected the number of classes, background included. Set it.", ""
            )
        if fields.background_label_id >= fields.num_classes:
            self._refuse(
                f"background_label_id is {fields.background_label_id}; there are {fields.num_classes} classes, counted "
                "from 0. Correct one of them.",
                "background_label_id",
            )
        if not fields.share_location:
            self._refuse(
                "share_location is false; netdef trains boxes that all classes share. Set it to true.", "share_location"
            )
        if fields.mining_type == FIELDS.HARD_EXAMPLE:
            self._refuse(
                "mining_type is HARD_EXAMPLE; expected MAX_NEGATIVE or NONE. Choose one of them.", "mining_type"
            )
        if fields.HasField("nms_param"):
            self._refuse("has nms_param, which netdef does not use in training. Take it away.", "nms_param")
        if fields.HasField("do_neg_mining") and fields.do_neg_mining != (fields.mining_type != FIELDS.NONE):
            self._refuse(
                "do_neg_mining, which is old, contradicts mining_type. Take do_neg_mining away.", "do_neg_mining"
            )
        if fields.map_object_to_agnostic and fields.num_classes != 2:
            self._refuse(
                f"map_object_to_agnostic is set and num_classes is {fields.num_classes}; expected 2, background and "
                "object. Correct num_classes.",
                "num_classes",
            )

    def _refuse(self, message, field):
        self.fail(message, f"multibox_loss_param.{field}".rstrip("."))

    def reshape(self, bottom, top):
        super().reshape(bottom[:2], top)
        locations, confidences, priors, truth = (blob.shape for blob in bottom)
        if len(priors) < 3 or priors[1] != 2 or priors[2] % 4:
            self.fail(
                f"{bottom_name(self, 2)} has shape {priors}; expected (1, 2, 4 * priors), as PriorBox makes it.",
                "bottom",
            )
        self.priors = priors[2] // 4
        for index, each in ((0, 4), (1, self.fields.num_classes)):
            if bottom[index].count_from(1) != self.priors * each:
                self.fail(
                    f"{bottom_name(self, index)} has shape {bottom[index].shape}; {self.priors} priors with {each} "
                    f"numbers each need (num, {self.priors * each}). Correct num_output before, or num_classes.",
                    "bottom",
                )
        if not truth or truth[-1] != 8:
            self.fail(f"{bottom_name(self, 3)} has shape {truth}; expected true boxes (1, 1, boxes, 8).", "bottom")

    def forward(self, bottom, top):
        fields, num = self.fields, bottom[0].shape[0]
        codes = bottom[0].data.reshape(num, self.priors, 4)
        scores = bottom[1].data.reshape(num, self.priors, fields.num_classes)
        priors, variances = bottom[2].data.reshape(-1, 2, self.priors, 4)[0]
        truth = bottom[3].data.reshape(-1, 8)
        self._check_boxes(priors, truth)
        boxes = self._boxes(codes, priors, variances)
        match = self.scratch("match", (num, self.priors), np.int64)
        chosen = self._choose(boxes, scores, truth, match)
        partial = self.scratch("partial", (2, num), np.float64)
        kernels.location_losses(
            codes, priors, variances, boxes, truth, match, fields.code_type, fields.encode_variance_in_target,
            fields.bp_inside, fields.loc_loss_type == FIELDS.SMOOTH_L1, partial[0],
            self.scratch("loc_diff", codes.shape),
        )  # fmt: skip
        background = fields.background_label_id
        # without mining, targets of LOGISTIC are 0 for all classes (multibox_loss_layer.cpp:232)
        negative = -1 if self.logistic and not self.mining else background
        kernels.class_losses(
            scores, truth, match, chosen, background + 1 if fields.map_object_to_agnostic else -1, negative,
            self.logistic, partial[1], self.scratch("conf_diff", scores.shape),
        )  # fmt: skip
        self.divisor = normalizer(
            self.mode, num, num * self.priors, np.count_nonzero(match >= 0), self.param.loss_param.pre_fixed_normalizer
        )
        parts = [fields.loc_weight * partial[0].sum(), partial[1].sum()]
        counted = [part for part, wanted in zip(parts, self.param.propagate_down) if wanted]
        top[0].data[...] = sum(counted) / self.divisor

    def _boxes(self, codes, priors, variances):
        """What is matched to the true boxes: the priors, or the boxes found."""
        if self.fields.use_prior_for_matching:
            return priors[None]
        boxes = self.scratch("boxes", (*codes.shape[:2], 1, 4))
        ones = np.ones_like(variances)
        in_target = self.fields.encode_variance_in_target
        decode_boxes(codes[:, :, None], priors, ones if in_target else variances, self.fields.code_type, boxes)
        return boxes[:, :, 0]

    def _choose(self, boxes, scores, truth, match):
        """Fill ``match``; which boxes have a loss of their class, bool ``(num, priors)``."""
        fields = self.fields
        overlaps = self.scratch("overlaps", match.shape, np.float64)
        counts = self.scratch("counts", match.shape[:1], np.int64)
        per_prediction = fields.match_type == FIELDS.PER_PREDICTION
        crossing = fields.ignore_cross_boundary_bbox
        options = fields.use_difficult_gt, per_prediction, fields.overlap_threshold, crossing
        kernels.match_all(boxes, truth, *options, match, overlaps, counts)
        chosen = self.scratch("chosen", match.shape, np.bool_)
        if not self.mining:
            chosen.fill(True)
            return chosen
        options = fields.background_label_id, self.logistic, np.float32(fields.neg_pos_ratio), fields.neg_overlap
        kernels.choose_negatives(
            scores, *options, match, overlaps, counts, chosen, self.scratch("conf_diff", scores.shape)
        )
        return chosen

    def _check_boxes(self, priors, truth):
        ends = np.flatnonzero(truth[:, 0] == -1)
        truth = truth[: ends[0]] if len(ends) else truth
        labels, most = truth[:, 1], self.fields.num_classes
        wrong = (labels < 0) | (labels == self.fields.background_label_id)
        wrong |= (labels >= most) & (not self.fields.map_object_to_agnostic)
        if wrong.any():
            row = int(np.argmax(wrong))
            raise DataError(
                f"row {row} of {bottom_name(self, 3)} has the class {labels[row]:g}; expected one of 0 to {most - 1} "
                f"but the background, {self.fields.background_label_id}. Correct the label or num_classes.",
                field="bottom",
            )
        if self.fields.code_type == CORNER:
            return
        self._check_sizes(2, priors)
        if self.fields.code_type == CENTER_SIZE:
            self._check_sizes(3, truth[:, 3:7])

    def _check_sizes(self, index, boxes):
        empty = (boxes[:, 2] <= boxes[:, 0]) | (boxes[:, 3] <= boxes[:, 1])
        if empty.any():
            number = int(np.argmax(empty))
            raise DataError(
                f"box {number} of {bottom_name(self, index)} is {boxes[number].tolist()}; expected xmin < xmax and "
                "ymin < ymax. Correct it.",
                field="bottom",
            )

    def backward(self, top, propagate_down, bottom):
        if any(propagate_down[2:]):
            self.fail(
                "the gradient with respect to priors or true boxes was asked for; there is none. "
                "Set propagate_down to false for them.",
                "propagate_down",
            )
        scale = self.loss_scale(top) / self.divisor
        names = ("loc_diff", scale * self.fields.loc_weight), ("conf_diff", scale)
        for blob, wanted, (name, factor) in zip(bottom, propagate_down, names):
            if wanted:
                diff = self.scratch(name, (blob.shape[0], self.priors, blob.count // blob.shape[0] // self.priors))
                np.multiply(diff.reshape(blob.shape), self.dtype.type(factor), out=blob.diff)

    def allow_force_backward(self, bottom_index):
        return bottom_index < 2
