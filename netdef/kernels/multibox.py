"""The loss of single-shot detectors: match boxes to the true ones, choose negatives, sum up.

``truth`` is ``(boxes, 8)``: image, class, instance, xmin, ymin, xmax, ymax, difficult; a row of image -1 ends it.
``match`` holds for each image and prior the row of ``truth`` that it is matched to, or one of the numbers below.
Source: SSD's Caffe src/caffe/util/bbox_util.cpp:584-760 (matching), 838-1030 (mining), 355-440 (coding).
"""

from __future__ import annotations

import numpy as np

from netdef.kernels._jit import kernel, prange
from netdef.kernels.boxes import CENTER_SIZE, CORNER, overlap

NOTHING, IGNORED = -1, -2  # in match: no true box; beyond the image's border
LEAST_OVERLAP = 1e-6
LEAST_PROBABILITY = 1.1754943508222875e-38  # FLT_MIN


@kernel
def boxes_of_image(truth, image, with_difficult, rows):
    """Numbers of the rows of ``truth`` that belong to ``image``, into ``rows``; returns how many."""
    count = 0
    for row in range(truth.shape[0]):
        if truth[row, 0] == -1:
            break
        if int(truth[row, 0]) == image and (with_difficult or truth[row, 7] == 0):
            rows[count] = row
            count += 1
    return count


@kernel
def best_pair(table, free, match):
    """(prior, column) of the greatest overlap of an unmatched prior and a ``free`` column; (-1, -1) where none is."""
    most, best_prior, best_column = LEAST_OVERLAP, -1, -1
    for p in range(table.shape[0]):
        if match[p] != NOTHING:
            continue
        for column in range(table.shape[1]):
            if free[column] and table[p, column] > most:
                most, best_prior, best_column = table[p, column], p, column
    return best_prior, best_column


@kernel
def match_image(boxes, truth, rows, per_prediction, threshold, ignore_crossing, match, overlaps):
    """Match the ``boxes`` ``(priors, 4)`` of one image to the true ones in ``rows``; see `match_all`."""
    table = np.zeros((boxes.shape[0], rows.size))
    for p in range(boxes.shape[0]):
        box = boxes[p]
        match[p], overlaps[p] = NOTHING, 0
        if ignore_crossing and rows.size > 0 and (box.min() < 0 or box.max() > 1):
            match[p] = IGNORED
            continue
        for column in range(rows.size):
            table[p, column] = overlap(box, truth[rows[column], 3:7])
            if table[p, column] > LEAST_OVERLAP:
                overlaps[p] = max(overlaps[p], table[p, column])
    free = np.ones(rows.size, np.bool_)
    for _ in range(rows.size):
        p, column = best_pair(table, free, match)
        if p < 0:
            break
        match[p], overlaps[p] = rows[column], table[p, column]
        free[column] = False
    for p in range(boxes.shape[0]):
        if not per_prediction or match[p] != NOTHING or rows.size == 0:
            continue
        column = np.argmax(table[p])
        if table[p, column] >= threshold and table[p, column] > LEAST_OVERLAP:
            match[p], overlaps[p] = rows[column], table[p, column]


@kernel(parallel=True)
def match_all(boxes, truth, with_difficult, per_prediction, threshold, ignore_crossing, match, overlaps, true_counts):
    """Each true box gets the box that overlaps it most; with ``per_prediction`` other boxes their best one too.

    boxes : ``(num or 1, priors, 4)``; match : int64 ``(num, priors)``; overlaps : float64, the same, the overlap with
    the matched or else the nearest true box; true_counts : int64 ``(num,)``.
    """
    for n in prange(match.shape[0]):
        rows = np.empty(truth.shape[0], np.int64)
        count = boxes_of_image(truth, np.int64(n), with_difficult, rows)
        own = boxes[np.int64(n) if boxes.shape[0] > 1 else np.int64(0)]
        match_image(own, truth, rows[:count], per_prediction, threshold, ignore_crossing, match[n], overlaps[n])
        true_counts[n] = count


@kernel
def class_loss(scores, label, logistic, diff):
    """Loss of ``scores`` ``(classes,)`` where ``label`` is right (-1: no class), and its gradient into ``diff``."""
    loss = 0.0
    if logistic:
        for c in range(scores.size):
            target = 1.0 if c == label else 0.0
            positive = 1.0 if scores[c] >= 0 else 0.0
            loss -= scores[c] * (target - positive) - np.log(1 + np.exp(scores[c] - 2 * scores[c] * positive))
            diff[c] = 1 / (1 + np.exp(-scores[c])) - target
        return loss
    most = scores.max()
    total = 0.0
    for c in range(scores.size):
        diff[c] = np.exp(scores[c] - most)
        total += diff[c]
    for c in range(scores.size):
        diff[c] /= total
    loss = -np.log(max(np.float64(diff[label]), LEAST_PROBABILITY))
    diff[label] -= 1
    return loss


@kernel(parallel=True)
def choose_negatives(scores, background, logistic, ratio, least, match, overlaps, true_counts, chosen, diff):
    """``chosen`` bool ``(num, priors)``: matched boxes, and of the others those that are most wrongly no background.

    ``ratio`` negatives to each match, among boxes that overlap no true box by ``least`` or more; none in images
    without a true box. scores and diff (working space) : ``(num, priors, classes)``; ratio : float32.
    """
    num, priors = match.shape
    for n in prange(num):
        losses = np.full(priors, -np.inf)
        positives, candidates = 0, 0
        for p in range(priors):
            chosen[n, p] = match[n, p] >= 0
            positives += match[n, p] >= 0
            if true_counts[n] > 0 and match[n, p] == NOTHING and overlaps[n, p] < least:
                losses[p] = class_loss(scores[n, p], background, logistic, diff[n, p])
                candidates += 1
        wanted = min(int(np.float32(positives) * ratio), candidates)
        order = np.argsort(-losses, kind="mergesort")
        for k in range(wanted):
            chosen[n, order[k]] = True


@kernel
def encode_box(box, prior, code_type, code):
    """The ``code`` from which `netdef.kernels.boxes.decode_box` makes ``box`` with variances of 1."""
    width, height = prior[2] - prior[0], prior[3] - prior[1]
    if code_type == CENTER_SIZE:
        code[0] = ((box[0] + box[2]) / 2 - (prior[0] + prior[2]) / 2) / width
        code[1] = ((box[1] + box[3]) / 2 - (prior[1] + prior[3]) / 2) / height
        code[2] = np.log((box[2] - box[0]) / width)
        code[3] = np.log((box[3] - box[1]) / height)
        return
    for k in range(4):
        code[k] = box[k] - prior[k]
        if code_type != CORNER:
            code[k] /= width if k % 2 == 0 else height


@kernel
def location_loss(code, target, smooth, diff):
    """Sum over four numbers of ``d**2 / 2``, where smooth ``|d| - 1/2`` from 1 on; the gradient into ``diff``."""
    loss = 0.0
    for k in range(4):
        d = code[k] - target[k]
        if smooth and abs(d) >= 1:
            loss += abs(d) - 0.5
            diff[k] = 1 if d > 0 else -1
        else:
            loss += 0.5 * d * d
            diff[k] = d
    return loss


@kernel(parallel=True)
def location_losses(
    codes, priors, variances, boxes, truth, match, code_type, scale_both, inside, smooth, partial, diff
):
    """``partial[n]``: the loss of the matched boxes' locations; ``diff``: its gradient, 0 elsewhere.

    codes and diff : ``(num, priors, 4)``; ``scale_both``: code and target are divided by the variances, and as in the
    original the gradient is not, else the target alone; ``inside``: coordinates of ``boxes`` beyond the image have
    no loss.
    """
    num, count = match.shape
    for n in prange(num):
        partial[n] = 0
        code, target = np.empty(4), np.empty(4)
        for p in range(count):
            diff[n, p, :] = 0
            if match[n, p] < 0:
                continue
            encode_box(truth[match[n, p], 3:7], priors[p], code_type, target)
            box = boxes[np.int64(n) if boxes.shape[0] > 1 else np.int64(0), p]
            for k in range(4):
                target[k] /= variances[p, k]
                code[k] = codes[n, p, k] / variances[p, k] if scale_both else codes[n, p, k]
                if inside and (box[k] < 0 or box[k] > 1):
                    code[k] = target[k]
            partial[n] += location_loss(code, target, smooth, diff[n, p])


@kernel(parallel=True)
def class_losses(scores, truth, match, chosen, object_label, negative, logistic, partial, diff):
    """``partial[n]``: the loss of the ``chosen`` boxes' classes; ``diff``: its gradient, 0 elsewhere.

    scores and diff : ``(num, priors, classes)``; ``object_label``: the class of all true boxes, -1 where each has
    its own; ``negative``: the class of the others.
    """
    num, count = match.shape
    for n in prange(num):
        partial[n] = 0
        for p in range(count):
            if not chosen[n, p]:
                diff[n, p, :] = 0
                continue
            label = negative
            if match[n, p] >= 0:
                label = object_label if object_label >= 0 else int(truth[match[n, p], 1])
            partial[n] += class_loss(scores[n, p], label, logistic, diff[n, p])
