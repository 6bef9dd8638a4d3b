"""Boxes of single-shot detectors: priors, decoding, overlap, and keeping the best of those that overlap.

A box is xmin, ymin, xmax, ymax, in shares of the image's width and height.
Source: SSD's Caffe src/caffe/layers/prior_box_layer.cpp, src/caffe/util/bbox_util.cpp.
"""

from __future__ import annotations

import numpy as np

from netdef.kernels._jit import kernel, prange

CORNER, CENTER_SIZE, CORNER_SIZE = 1, 2, 3  # how a box is coded against its prior


@kernel
def prior_boxes(sizes, steps, image, offset, clip, variances, top_data):
    """Boxes about the middle of each cell of a feature map, and their variances.

    sizes : float32 ``(priors, 2)``, width and height in pixels; steps, image : (width, height) of a cell, float32, and
    of the image, pixels; ``offset`` of a middle in its cell, float32; variances ``(4,)``;
    top_data : ``(2, height, width, priors, 4)`` of the feature map. Middles are float32, boxes are divided in float64
    (prior_box_layer.cpp:97-165).
    """
    height, width, priors = top_data.shape[1:4]
    for h in range(height):
        center_y = np.float64((np.float32(h) + offset) * steps[1])
        for w in range(width):
            center_x = np.float64((np.float32(w) + offset) * steps[0])
            for p in range(priors):
                half_w, half_h = np.float64(sizes[p, 0]) / 2, np.float64(sizes[p, 1]) / 2
                box = top_data[0, h, w, p]
                box[0] = (center_x - half_w) / image[0]
                box[1] = (center_y - half_h) / image[1]
                box[2] = (center_x + half_w) / image[0]
                box[3] = (center_y + half_h) / image[1]
                for k in range(4):
                    if clip:
                        box[k] = min(max(box[k], 0), 1)
                    top_data[1, h, w, p, k] = variances[k]


@kernel
def decode_box(code, prior, variance, code_type, box):
    """``box`` out of its ``code`` and its prior; ``variance`` is 1 where the code holds it (bbox_util.cpp:441-528)."""
    number = box.dtype.type
    width, height = prior[2] - prior[0], prior[3] - prior[1]
    if code_type == CENTER_SIZE:
        half = number(0.5)
        center_x = variance[0] * code[0] * width + (prior[0] + prior[2]) * half
        center_y = variance[1] * code[1] * height + (prior[1] + prior[3]) * half
        half_w = np.exp(variance[2] * code[2]) * width * half
        half_h = np.exp(variance[3] * code[3]) * height * half
        box[0], box[1] = center_x - half_w, center_y - half_h
        box[2], box[3] = center_x + half_w, center_y + half_h
        return
    for k in range(4):
        shift = variance[k] * code[k]
        if code_type == CORNER_SIZE:
            shift *= width if k % 2 == 0 else height
        box[k] = prior[k] + shift


@kernel(parallel=True)
def decode_boxes(codes, priors, variances, code_type, boxes):
    """All boxes: codes and boxes ``(num, priors, classes, 4)``, priors and variances ``(priors, 4)``."""
    num, count, classes, _ = codes.shape
    for unit in prange(num * count):
        n = unit // count
        p = unit - n * count
        for c in range(classes):
            decode_box(codes[n, p, c], priors[p], variances[p], code_type, boxes[n, p, c])


@kernel
def area(box):
    """Width times height, 0 where the box is turned inside out."""
    if box[2] < box[0] or box[3] < box[1]:
        return box[0] * 0
    return (box[2] - box[0]) * (box[3] - box[1])


@kernel
def overlap(first, second):
    """Area of the intersection over that of the union, 0 where they do not meet (bbox_util.cpp:274-294)."""
    width = min(first[2], second[2]) - max(first[0], second[0])
    height = min(first[3], second[3]) - max(first[1], second[1])
    if width <= 0 or height <= 0:
        return width * 0
    shared = width * height
    return shared / (area(first) + area(second) - shared)


@kernel
def keep_best(boxes, scores, score_threshold, overlap_threshold, eta, top_k, kept):
    """Numbers of the boxes that stay, strongest first, into ``kept``; returns how many (bbox_util.cpp:1901-1937).

    boxes : ``(priors, 4)``; scores : ``(priors,)``. Of the ``top_k`` (-1: all) strongest above ``score_threshold``, a
    box stays that overlaps none of those kept by more than ``overlap_threshold``, which is multiplied with
    ``eta`` after each box that stays while it is above 0.5. Of equal scores the first comes first.
    """
    candidates = np.flatnonzero(scores > score_threshold)
    order = candidates[np.argsort(-scores[candidates], kind="mergesort")]
    if top_k >= 0:
        order = order[:top_k]
    count = 0
    for i in range(order.size):
        stays = True
        for k in range(count):
            if not overlap(boxes[order[i]], boxes[kept[k]]) <= overlap_threshold:
                stays = False
                break
        if stays:
            kept[count] = order[i]
            count += 1
            if eta < 1 and overlap_threshold > 0.5:
                overlap_threshold *= eta
    return count


@kernel(parallel=True)
def keep_best_of_all(boxes, scores, background, score_threshold, overlap_threshold, eta, top_k, kept, counts):
    """`keep_best` for each image and class but ``background``.

    boxes : ``(num, priors, 1 or classes, 4)``; scores : ``(num, priors, classes)``; kept : int64 ``(num, classes,
    priors)``; counts : int64 ``(num, classes)``.
    """
    num, _, classes = scores.shape
    for unit in prange(num * classes):
        n = unit // classes
        c = unit - n * classes
        counts[n, c] = 0
        if c != background:
            own = boxes[n, :, min(c, boxes.shape[2] - 1)]
            counts[n, c] = keep_best(own, scores[n, :, c], score_threshold, overlap_threshold, eta, top_k, kept[n, c])


@kernel
def keep_strongest(scores, kept, most, counts):
    """Lower ``counts`` so that each image keeps its ``most`` strongest boxes (detection_output_layer.cpp:241-276).

    Arrays as of `keep_best_of_all`. Of equal scores those of the lower class stay.
    """
    for n in range(counts.shape[0]):
        total = counts[n].sum()
        if total <= most:
            continue
        strength = np.empty(total, scores.dtype)
        classes = np.empty(total, np.int64)
        i = 0
        for c in range(counts.shape[1]):
            for k in range(counts[n, c]):
                strength[i] = scores[n, kept[n, c, k], c]
                classes[i] = c
                i += 1
            counts[n, c] = 0
        order = np.argsort(-strength, kind="mergesort")
        for k in range(most):
            counts[n, classes[order[k]]] += 1


@kernel
def write_detections(boxes, scores, kept, counts, top_data):
    """``top_data``: ``(detections, 7)`` rows image, class, score, xmin, ymin, xmax, ymax. Arrays as before."""
    row = 0
    for n in range(counts.shape[0]):
        for c in range(counts.shape[1]):
            for k in range(counts[n, c]):
                p = kept[n, c, k]
                top_data[row, 0] = n
                top_data[row, 1] = c
                top_data[row, 2] = scores[n, p, c]
                top_data[row, 3:] = boxes[n, p, min(c, boxes.shape[2] - 1)]
                row += 1
