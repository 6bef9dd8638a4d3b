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
        4 → 1: locations ``(N, 4 P L)``, L being 1 or, without share_location, num_classes; scores
        ``(N, P num_classes)``, priors ``(1, 2, 4 P)``, true boxes ``(1, 1, G, 8)``: image, class, instance, xmin, ymin,
        xmax, ymax, difficult, ended by image -1 → the loss.
    Learnable
        None.
    Fields
        num_classes, background included · background_label_id · loc_loss_type, conf_loss_type, loc_weight ·
        share_location: one box for all classes, or one for each, which takes mining_type NONE · match_type:
        BIPARTITE: one box for each true one, PER_PREDICTION: and all that overlap one by overlap_threshold ·
        use_prior_for_matching: match priors, not the boxes found · use_difficult_gt · mining_type: MAX_NEGATIVE,
        NONE (all other boxes are negatives) or HARD_EXAMPLE (of all boxes, matched or not, the sample_size of the
        greatest loss of location and class) · neg_pos_ratio · neg_overlap: from that overlap on a box is no negative ·
        nms_param: mine only boxes that overlap none of a greater loss by more than nms_threshold, of the top_k of the
        greatest loss (-1: of all), and there use_prior_for_nms: overlaps of priors, not of the boxes found ·
        code_type · encode_variance_in_target · map_object_to_agnostic · ignore_cross_boundary_bbox · bp_inside ·
        loss_param.normalization: Z is FULL: N P, VALID (default): the matches, BATCH_SIZE: N, NONE: 1; at least 1;
        PRE_FIXED: pre_fixed_normalizer.
    Raises
        LayerError for fields and shapes that do not fit; DataError for true boxes of no class or without size, and for
        priors without size.
    Source
        SSD's Caffe multibox_loss_layer.cpp:10-385, util/bbox_util.cpp:848-1030; Liu et al., "SSD: single shot multibox
        detector", ECCV 2016; Shrivastava et al., "Training region-based object detectors with online hard example
        mining", CVPR 2016.
    Differs from Caffe
        LOGISTIC without mining gives every image its own targets, where the fork mixes those of a batch; targets start
        at 0, where the fork starts them at background_label_id, whatever it is. nms_param
        without top_k is an error; the fork takes it for 0 and mines nothing. Of equal losses the first box counts.
    """

    num_bottom = exactly(4)

    def layer_setup(self, bottom, top):
        super().layer_setup(bottom, top)
        if not self.param.propagate_down:  # priors come from layers that learn, but have no gradient
            self.param.propagate_down.extend([True, True, False, False])
        self.fields = fields = self.param.multibox_loss_param
        self._check_fields()
        self._check_mining()
        self.mode = normalization_mode(self.param.loss_param, schema.LossParameter.VALID)
        check_fixed_normalizer(self)
        self.mining = fields.mining_type != FIELDS.NONE
        self.logistic = fields.conf_loss_type == FIELDS.LOGISTIC
        self.sets = 1 if fields.share_location else fields.num_classes
        self.object_label = fields.background_label_id + 1 if fields.map_object_to_agnostic else -1
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

    def _check_mining(self):
        fields = self.fields
        if fields.mining_type == FIELDS.NONE:
            return
        if not fields.share_location:
            self._refuse(
                "share_location is false, and boxes of each class cannot be mined. Set mining_type to NONE, or "
                "share_location to true.",
                "share_location",
            )
        if fields.mining_type == FIELDS.HARD_EXAMPLE and fields.sample_size < 1:
            self._refuse(
                f"sample_size is {fields.sample_size}; expected the number of boxes to mine in each image. Raise it.",
                "sample_size",
            )
        nms = fields.nms_param
        if fields.HasField("nms_param") and not nms.nms_threshold >= 0:
            self._refuse(
                f"nms_threshold is {nms.nms_threshold:g}; it must be 0 or more. Raise it.", "nms_param.nms_threshold"
            )
        if fields.HasField("nms_param") and nms.nms_threshold > 0 and nms.top_k == 0:
            self._refuse(
                "top_k is 0 or missing, so that nothing would be mined; expected how many boxes to look at, -1 for "
                "all. Set it.",
                "nms_param.top_k",
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
        for index, each in ((0, 4 * self.sets), (1, self.fields.num_classes)):
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
        codes = bottom[0].data.reshape(num, self.priors, self.sets, 4)
        scores = bottom[1].data.reshape(num, self.priors, fields.num_classes)
        priors, variances = bottom[2].data.reshape(-1, 2, self.priors, 4)[0]
        truth = bottom[3].data.reshape(-1, 8)
        self._check_boxes(priors, truth)
        found = None if self._priors_alone() else self._decode(codes, priors, variances)
        boxes = priors[None, :, None] if fields.use_prior_for_matching else found
        match, overlaps = self._match(boxes, truth, num)
        losses = self.scratch("losses", match.shape, np.float64)
        losses.fill(0)
        self.diffs = self.scratch("loc_diff", codes.shape), self.scratch("conf_diff", scores.shape)
        located = (
            codes, priors, variances, boxes, truth, match, fields.code_type, fields.encode_variance_in_target,
            fields.bp_inside, fields.loc_loss_type == FIELDS.SMOOTH_L1, losses, self.diffs[0],
        )  # fmt: skip
        chosen = self.scratch("chosen", (num, self.priors), np.bool_)
        chosen.fill(True)
        if self.mining:
            if fields.mining_type == FIELDS.HARD_EXAMPLE:
                kernels.location_losses(*located)
            mined = priors[None] if found is None or fields.use_prior_for_nms else found[:, :, 0]
            self._mine(scores, truth, mined, overlaps[:, 0], losses[:, 0], match[:, 0], chosen)
        kernels.location_losses(*located)
        partial = self.scratch("partial", num, np.float64)
        # without mining, targets of LOGISTIC are 0 for all classes (multibox_loss_layer.cpp:232)
        negative = -1 if self.logistic and not self.mining else fields.background_label_id
        labels = self.object_label, negative, self.logistic
        kernels.class_losses(scores, truth, match, chosen, *labels, partial, self.diffs[1])
        self.divisor = normalizer(
            self.mode, num, num * self.priors, np.count_nonzero(match >= 0), self.param.loss_param.pre_fixed_normalizer
        )
        parts = [fields.loc_weight * losses.sum(), partial.sum()]
        counted = [part for part, wanted in zip(parts, self.param.propagate_down) if wanted]
        top[0].data[...] = sum(counted) / self.divisor

    def _priors_alone(self):
        """Whether neither matching nor mining asks where the boxes found are."""
        fields = self.fields
        apart = self.mining and fields.HasField("nms_param") and fields.nms_param.nms_threshold > 0
        return fields.use_prior_for_matching and (fields.use_prior_for_nms or not apart)

    def _decode(self, codes, priors, variances):
        """The boxes found, ``(num, priors, sets, 4)``."""
        boxes = self.scratch("boxes", codes.shape)
        used = np.ones_like(variances) if self.fields.encode_variance_in_target else variances
        decode_boxes(codes, priors, used, self.fields.code_type, boxes)
        return boxes

    def _match(self, boxes, truth, num):
        """``match`` and the overlaps, both ``(num, sets, priors)``."""
        fields = self.fields
        background, by_class = fields.background_label_id, self.sets > 1
        match = self.scratch("match", (num, self.sets, self.priors), np.int64)
        overlaps = self.scratch("overlaps", match.shape, np.float64)
        per_prediction = fields.match_type == FIELDS.PER_PREDICTION
        options = (
            fields.use_difficult_gt, per_prediction, fields.overlap_threshold, fields.ignore_cross_boundary_bbox
        )  # fmt: skip
        if by_class and not fields.use_prior_for_matching:
            owners = np.arange(self.sets)
            owners[background] = kernels.NO_CLASS
            kernels.match_all(boxes, truth, owners, *options, match, overlaps)
            return match, overlaps
        shared = self.scratch("shared", (num, 1, self.priors), np.int64) if by_class else match
        kernels.match_all(boxes, truth, np.array([kernels.ALL_CLASSES]), *options, shared, overlaps[:, :1])
        if by_class:
            kernels.match_by_class(truth, shared[:, 0], match)
        return match, overlaps

    def _mine(self, scores, truth, boxes, overlaps, losses, match, chosen):
        """Fill ``chosen``, bool ``(num, priors)``, and take out of ``match`` what is not mined."""
        fields, nms = self.fields, self.fields.nms_param
        hard = fields.mining_type == FIELDS.HARD_EXAMPLE
        wanted = np.float32(fields.sample_size if hard else fields.neg_pos_ratio)
        threshold = nms.nms_threshold if fields.HasField("nms_param") else 0.0
        kernels.mine(
            scores, truth, fields.use_difficult_gt, boxes, fields.background_label_id, self.object_label, self.logistic,
            hard, wanted, fields.neg_overlap, threshold, nms.top_k, overlaps, losses, match, chosen,
            self.diffs[1],
        )  # fmt: skip

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
        factors = scale * self.fields.loc_weight, scale
        for blob, wanted, diff, factor in zip(bottom, propagate_down, self.diffs, factors):
            if wanted:
                np.multiply(diff.reshape(blob.shape), self.dtype.type(factor), out=blob.diff)

    def allow_force_backward(self, bottom_index):
        return bottom_index < 2
