"""Priors, decoding and detection as SSD's paper tells them, box by box."""

from math import exp, sqrt

import numpy as np


def prior_boxes(height, width, image, min_sizes, max_sizes, ratios, step=None, offset=0.5, clip=False):
    """``(height * width * priors, 4)``; image and step are (width, height)."""
    step = step or (image[0] / width, image[1] / height)
    boxes = []
    for h in range(height):
        for w in range(width):
            x, y = (w + offset) * step[0], (h + offset) * step[1]
            sizes = []
            for index, least in enumerate(min_sizes):
                sizes.append((least, least))
                if max_sizes:
                    sizes.append((sqrt(least * max_sizes[index]),) * 2)
                sizes += [(least * sqrt(ratio), least / sqrt(ratio)) for ratio in ratios]
            for box_w, box_h in sizes:
                boxes.append([x - box_w / 2, y - box_h / 2, x + box_w / 2, y + box_h / 2])
    boxes = np.array(boxes) / [*image, *image]
    return boxes.clip(0, 1) if clip else boxes


def decode(code, prior, variance, code_type):
    width, height = prior[2] - prior[0], prior[3] - prior[1]
    if code_type == "CORNER":
        return [prior[k] + variance[k] * code[k] for k in range(4)]
    if code_type == "CORNER_SIZE":
        return [prior[k] + variance[k] * code[k] * (width, height)[k % 2] for k in range(4)]
    x = (prior[0] + prior[2]) / 2 + variance[0] * code[0] * width
    y = (prior[1] + prior[3]) / 2 + variance[1] * code[1] * height
    box_w, box_h = width * exp(variance[2] * code[2]), height * exp(variance[3] * code[3])
    return [x - box_w / 2, y - box_h / 2, x + box_w / 2, y + box_h / 2]


def overlap(a, b):
    width, height = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
    if width <= 0 or height <= 0:
        return 0.0
    areas = [max(box[2] - box[0], 0) * max(box[3] - box[1], 0) for box in (a, b)]
    return width * height / (sum(areas) - width * height)


def keep_best(boxes, scores, score_threshold, threshold, eta=1.0, top_k=-1):
    order = sorted((i for i in range(len(scores)) if scores[i] > score_threshold), key=lambda i: -scores[i])
    kept = []
    for i in order[: top_k if top_k >= 0 else None]:
        if all(overlap(boxes[i], boxes[k]) <= threshold for k in kept):
            kept.append(i)
            if threshold > 0.5:
                threshold *= eta
    return kept


def detect(codes, scores, priors, variances, code_type, background, keep_top_k, **thresholds):
    """codes ``(num, priors, classes or 1, 4)``, scores ``(num, priors, classes)``; rows of 7 numbers."""
    rows = []
    for n in range(len(codes)):
        found = []
        for c in range(scores.shape[2]):
            if c == background:
                continue
            own = codes[n, :, c if codes.shape[2] > 1 else 0]
            boxes = [decode(*item, code_type) for item in zip(own, priors, variances)]
            kept = keep_best(boxes, scores[n, :, c], **thresholds)
            found += [[n, c, scores[n, p, c], *boxes[p]] for p in kept]
        if keep_top_k >= 0:
            found = sorted(found, key=lambda row: -row[2])[:keep_top_k]
        rows += sorted(found, key=lambda row: (row[1], -row[2]))
    return rows or [[n] + [-1] * 6 for n in range(len(codes))]
