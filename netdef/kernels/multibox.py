"""The loss of single-shot detectors: match boxes to the true ones, choose negatives, sum up.

``truth`` is ``(boxes, 8)``: image, class, instance, xmin, ymin, xmax, ymax, difficult; a row of image -1 ends it.
``match`` ``(num, sets, priors)`` holds for each image, set of boxes and prior the row of ``truth`` that it is matched
to, or one of the numbers below. There is one set where all classes share their boxes, else one for each class.
Source: SSD's Caffe src/caffe/util/bbox_util.cpp:584-760 (matching), 838-1030 (mining), 355-440 (coding).
"""

from __future__ import annotations

import numpy as np

from netdef.kernels._jit import kernel, prange
from netdef.kernels.boxes import CENTER_SIZE, CORNER, area, overlap

NOTHING, IGNORED = -1, -2  # in match: no true box; beyond the image's border
ALL_CLASSES, NO_CLASS = -1, -2  # whose true boxes a set of boxes is matched to, in place of a class
LEAST_AREA = 1e-5  # a smaller box is not mined
LEAST_OVERLAP = 1e-6
LEAST_PROBABILITY = 1.1754943508222875e-38  # FLT_MIN


@kernel
def boxes_of_image(truth, image, owner, with_difficult, rows):
    """Numbers of the rows of ``truth`` of ``image`` and class ``owner``, into ``rows``; returns how many."""
    count = 0
    for row in range(truth.shape[0]):
        if truth[row, 0] == -1:
            break
        if int(truth[row, 0]) != image or not (with_difficult or truth[row, 7] == 0):
            continue
        if owner == ALL_CLASSES or owner == int(truth[row, 1]):
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
def match_all(boxes, truth, owners, with_difficult, per_prediction, threshold, ignore_crossing, match, overlaps):
    """Each true box gets the box that overlaps it most; with ``per_prediction`` other boxes their best one too.

    boxes : ``(num or 1, priors, sets, 4)``; owners : int64 ``(sets,)``, the class whose true boxes a set is matched
    to, or `ALL_CLASSES` or `NO_CLASS`; match : int64 ``(num, sets, priors)``; overlaps : float64, the same, the
    overlap with the matched or else the nearest true box.
    """
    for n in prange(match.shape[0]):
        rows = np.empty(truth.shape[0], np.int64)
        own = boxes[np.int64(n) if boxes.shape[0] > 1 else np.int64(0)]
        for s in range(match.shape[1]):
            count = boxes_of_image(truth, np.int64(n), owners[s], with_difficult, rows)
            match_image(
                own[:, s], truth, rows[:count], per_prediction, threshold, ignore_crossing, match[n, s], overlaps[n, s]
            )


@kernel
def match_by_class(truth, shared, match):
    """``match`` ``(num, classes, priors)`` out of ``shared`` ``(num, priors)``: each in the set of its true box."""
    for n in range(match.shape[0]):
        for c in range(match.shape[1]):
            for p in range(match.shape[2]):
                row = shared[n, p]
                match[n, c, p] = row if row >= 0 and int(truth[row, 1]) == c else NOTHING


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


@kernel
def apart(boxes, order, threshold, top_k, kept):
    """Of the first ``top_k`` (-1: all) of ``order``, into ``kept`` those that overlap no earlier one too much.

    boxes : ``(priors, 4)``; a box stays whose overlaps with those kept are at most ``threshold`` and whose area is at
    least `LEAST_AREA`. Returns how many (bbox_util.cpp:1716-1790).
    """
    count = 0
    for i in range(order.size if top_k < 0 else min(top_k, order.size)):
        stays = area(boxes[order[i]]) >= LEAST_AREA
        for k in range(count):
            stays = stays and overlap(boxes[order[i]], boxes[kept[k]]) <= threshold
        if stays:
            kept[count] = order[i]
            count += 1
    return count


@kernel
def add_class_losses(scores, truth, match, background, object_label, logistic, losses, diff):
    """Add to ``losses`` ``(priors,)`` of one image the loss of each box's class; -inf stays."""
    for p in range(match.size):
        label = background
        if match[p] >= 0:
            label = object_label if object_label >= 0 else int(truth[match[p], 1])
        if losses[p] > -np.inf:
            losses[p] += class_loss(scores[p], label, logistic, diff[p])


@kernel(parallel=True)
def mine(
    scores, truth, with_difficult, boxes, background, object_label, logistic, hard, wanted, least, threshold, top_k,
    overlaps, losses, match, chosen, diff
):  # fmt: skip
    """``chosen`` bool ``(num, priors)``: the boxes whose class is to be learned; none in images without a true box.

    Negatives: all matched boxes, and ``wanted`` (a share, float32) of the others to each of them, among those that
    overlap no true box by ``least`` or more, those of the greatest loss as background. ``hard``: the ``wanted`` boxes
    of the greatest loss of all; the others that were matched no longer are. ``threshold`` above 0: only boxes `apart`.

    scores and diff (working space) : ``(num, priors, classes)``; boxes : ``(num or 1, priors, 4)``; match, overlaps :
    ``(num, priors)``; losses : float64, the same, the loss of each location or 0, overwritten.
    """
    num, priors = match.shape
    for n in prange(num):
        positives, candidates = 0, 0
        rows = np.empty(truth.shape[0], np.int64)
        empty = boxes_of_image(truth, np.int64(n), ALL_CLASSES, with_difficult, rows) == 0
        for p in range(priors):
            positives += match[n, p] >= 0
            mined = not empty and (hard or (match[n, p] == NOTHING and overlaps[n, p] < least))
            candidates += mined
            if not mined:
                losses[n, p] = -np.inf
        add_class_losses(scores[n], truth, match[n], background, object_label, logistic, losses[n], diff[n])
        order = np.argsort(-losses[n], kind="mergesort")[:candidates]
        count = min(int(wanted if hard else np.float32(positives) * wanted), candidates)
        if threshold > 0:
            kept = np.empty(candidates, np.int64)
            own = boxes[np.int64(n) if boxes.shape[0] > 1 else np.int64(0)]
            count = min(apart(own, order, threshold, top_k, kept), count)
            order = kept
        for p in range(priors):
            chosen[n, p] = not hard and match[n, p] >= 0
        for k in range(count):
            chosen[n, order[k]] = match[n, order[k]] != IGNORED
        for p in range(priors):
            if match[n, p] >= 0 and not chosen[n, p]:
                match[n, p] = NOTHING


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
def location_losses(codes, priors, variances, boxes, truth, match, code_type, scale_both, inside, smooth, losses, diff):
    """``losses`` ``(num, sets, priors)``: those of the matched boxes' locations; ``diff``: gradients; 0 elsewhere.

    codes and diff : ``(num, priors, sets, 4)``; boxes : ``(num or 1, priors, sets or 1, 4)``; ``scale_both``: code and
    target are divided by the variances, and as in the original the gradient is not, else the target alone;
    ``inside``: coordinates of ``boxes`` beyond the image have no loss.
    """
    num, sets, count = match.shape
    for n in prange(num):
        code, target = np.empty(4), np.empty(4)
        own = boxes[np.int64(n) if boxes.shape[0] > 1 else np.int64(0)]
        for p in range(count):
            for s in range(sets):
                losses[n, s, p] = 0
                diff[n, p, s, :] = 0
                if match[n, s, p] < 0:
                    continue
                encode_box(truth[match[n, s, p], 3:7], priors[p], code_type, target)
                box = own[p, min(s, boxes.shape[2] - 1)]
                for k in range(4):
                    target[k] /= variances[p, k]
                    code[k] = codes[n, p, s, k] / variances[p, k] if scale_both else codes[n, p, s, k]
                    if inside and (box[k] < 0 or box[k] > 1):
                        code[k] = target[k]
                losses[n, s, p] = location_loss(code, target, smooth, diff[n, p, s])


@kernel(parallel=True)
def class_losses(scores, truth, match, chosen, object_label, negative, logistic, partial, diff):
    """``partial[n]``: the loss of the ``chosen`` boxes' classes; ``diff``: its gradient, 0 elsewhere.

    scores and diff : ``(num, priors, classes)``; match : ``(num, sets, priors)``; ``object_label``: the class of all
    true boxes, -1 where each has its own; ``negative``: the class of the others. A prior that several sets matched
    has the class of the last, where ``logistic`` the classes of all.
    """
    num, sets, count = match.shape
    for n in prange(num):
        partial[n] = 0
        for p in range(count):
            if not chosen[n, p]:
                diff[n, p, :] = 0
                continue
            label = negative
            for s in range(sets):
                if match[n, s, p] >= 0:
                    label = object_label if object_label >= 0 else int(truth[match[n, s, p], 1])
            partial[n] += class_loss(scores[n, p], label, logistic, diff[n, p])
            for s in range(sets):
                if logistic and object_label < 0 and match[n, s, p] >= 0 and int(truth[match[n, s, p], 1]) != label:
                    partial[n] -= scores[n, p, int(truth[match[n, s, p], 1])]
                    diff[n, p, int(truth[match[n, s, p], 1])] -= 1
