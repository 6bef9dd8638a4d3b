"""What YOLO's detectors should have answered, and how far off they are.

``cells``, ``target`` and ``weight`` are ``(num, anchors, 5 + classes, height, width)``: x, y, log w, log h, object,
classes. A truth is a row x, y, w, h, class of ``truth``: its middle and size in shares of the image; those of image n
are the rows ``first[n]`` to ``first[n + 1]``. Sizes of anchors are in shares of the image too.
Source: Darknet src/yolo_layer.c, src/region_layer.c, src/box.c.
"""

from __future__ import annotations

import numpy as np

from netdef.kernels._jit import kernel, prange
from netdef.kernels.yolo import sigmoid

PRIOR_WEIGHT = 0.01  # of a box's own anchor as its target, in the first images of RegionLoss


@kernel
def shared_length(first, first_size, second, second_size):
    """How far two stretches, given by their middles, overlap; below 0 how far they are apart."""
    return min(first + first_size / 2, second + second_size / 2) - max(first - first_size / 2, second - second_size / 2)


@kernel
def box_overlap(x, y, w, h, truth):
    """Area of the intersection of a box and a truth over that of their union."""
    width, height = shared_length(x, w, truth[0], truth[2]), shared_length(y, h, truth[1], truth[3])
    if width <= 0 or height <= 0:
        return width * 0
    shared = width * height
    return shared / (w * h + truth[2] * truth[3] - shared)


@kernel
def cell_overlap(cell, row, column, height, width, size, truth):
    """Overlap of the box that a cell of an anchor of ``size`` tells of with a truth."""
    x, y = (column + sigmoid(cell[0])) / width, (row + sigmoid(cell[1])) / height
    return box_overlap(x, y, np.exp(cell[2]) * size[0], np.exp(cell[3]) * size[1], truth)


@kernel
def size_overlap(size, truth):
    """Overlap of an anchor and a truth that are laid onto one middle."""
    shared = min(size[0], truth[2]) * min(size[1], truth[3])
    return shared / (size[0] * size[1] + truth[2] * truth[3] - shared)


@kernel
def aim_box(truth, row, column, height, width, size, factor, target, weight):
    """The cell's target is the truth's box, with the weight ``factor``."""
    target[0], target[1] = truth[0] * width - column, truth[1] * height - row
    target[2], target[3] = np.log(truth[2] / size[0]), np.log(truth[3] / size[1])
    weight[:4] = factor


@kernel
def aim_class(truth, factor, several, target, weight):
    """The cell's target is the truth's class; with ``several`` besides those that it has already."""
    if not (several and weight[5] > 0):
        target[5:] = 0
        weight[5:] = factor
    target[5 + np.int64(truth[4])] = 1


@kernel(parallel=True)
def aim_yolo(cells, truth, first, sizes, mask, ignore_thresh, truth_thresh, target, weight):
    """Targets of YOLO v3 and their weights; weight 0 where anything is right.

    sizes : ``(all anchors, 2)``; mask : those that this grid has. A box is to say "no object" unless it overlaps a
    truth by more than ``ignore_thresh``; beyond ``truth_thresh`` that truth is its target. Each truth is the target of
    the anchor, of all, whose size is most like its own, in the cell with its middle. A box weighs the more the
    smaller its truth is.
    """
    num, anchors, _, height, width = cells.shape
    for n in prange(num):
        target[n] = 0
        weight[n] = 0
        for a in range(anchors):
            size = sizes[mask[a]]
            for h in range(height):
                for w in range(width):
                    best, most = -1, truth[:0, :].size * cells[n, a, 0, h, w]
                    for t in range(first[n], first[n + 1]):
                        shared = cell_overlap(cells[n, a, :, h, w], h, w, height, width, size, truth[t])
                        if shared > most:
                            best, most = t, shared
                    weight[n, a, 4, h, w] = 0 if most > ignore_thresh else 1
                    if best >= 0 and most > truth_thresh:
                        goal, share = target[n, a, :, h, w], weight[n, a, :, h, w]
                        aim_truth(truth[best], h, w, height, width, size, goal, share)
        for t in range(first[n], first[n + 1]):
            w, h = cell_of(truth[t, 0], width), cell_of(truth[t, 1], height)
            best, most = 0, truth[t, 0] * 0
            for k in range(sizes.shape[0]):
                shared = size_overlap(sizes[k], truth[t])
                if shared > most:
                    best, most = k, shared
            for a in range(anchors):
                if mask[a] == best:
                    goal, share = target[n, a, :, h, w], weight[n, a, :, h, w]
                    aim_truth(truth[t], h, w, height, width, sizes[best], goal, share)
                    break


@kernel
def aim_truth(truth, row, column, height, width, size, target, weight):
    """A cell of YOLO v3 should tell of a truth, whole."""
    aim_box(truth, row, column, height, width, size, 2 - truth[2] * truth[3], target, weight)
    target[4] = 1
    weight[4] = 1
    aim_class(truth, 1, True, target, weight)


@kernel
def cell_of(place, cells):
    """The cell in which a share of the image lies."""
    return max(min(np.int64(place * cells), cells - 1), 0)


@kernel(parallel=True)
def aim_region(cells, truth, first, sizes, thresh, scales, prior, several, rescore, bias_match, target, weight):
    """Targets of YOLO v2 and their weights; weight 0 where anything is right.

    sizes : ``(anchors, 2)``; scales : factors of coordinates, object, no object, class. A box is to say "no object"
    unless it overlaps a truth by more than ``thresh``. Each truth is the target of the box, of those in the cell with
    its middle, whose size is most like its own: the one that it tells of, or with ``bias_match`` its anchor's.
    ``rescore``: the object's target is the overlap. ``prior``: other boxes should be as their anchors.
    """
    num, anchors, _, height, width = cells.shape
    for n in prange(num):
        target[n] = 0
        weight[n] = 0
        for a in range(anchors):
            for h in range(height):
                for w in range(width):
                    most = cells[n, a, 0, h, w] * 0
                    for t in range(first[n], first[n + 1]):
                        cell = cells[n, a, :, h, w]
                        most = max(most, cell_overlap(cell, h, w, height, width, sizes[a], truth[t]))
                    weight[n, a, 4, h, w] = 0 if most > thresh else scales[2]
                    if prior:
                        target[n, a, 0, h, w] = 0.5
                        target[n, a, 1, h, w] = 0.5
                        weight[n, a, :4, h, w] = PRIOR_WEIGHT
        for t in range(first[n], first[n + 1]):
            w, h = cell_of(truth[t, 0], width), cell_of(truth[t, 1], height)
            best, most = 0, truth[t, 0] * 0
            for a in range(anchors):
                told = np.empty(2, sizes.dtype)
                told[:] = sizes[a]
                if not bias_match:
                    told[0] *= np.exp(cells[n, a, 2, h, w])
                    told[1] *= np.exp(cells[n, a, 3, h, w])
                shared = size_overlap(told, truth[t])
                if shared > most:
                    best, most = a, shared
            goal, share = target[n, best, :, h, w], weight[n, best, :, h, w]
            small = scales[0] * (2 - truth[t, 2] * truth[t, 3])
            aim_box(truth[t], h, w, height, width, sizes[best], small, goal, share)
            goal[4] = 1
            if rescore:
                goal[4] = cell_overlap(cells[n, best, :, h, w], h, w, height, width, sizes[best], truth[t])
            share[4] = scales[1]
            aim_class(truth[t], scales[3], several, goal, share)


@kernel(parallel=True)
def cell_losses(cells, target, weight, softmax, partial, diff):
    """``partial[n]``: the weighted loss of the cells of an image; ``diff``: its gradient.

    Cross entropy of sigmoid(x), sigmoid(y), sigmoid(object) and of the classes' sigmoids or their softmax; half the
    square of what log w and log h are off. Summed in float64.
    """
    num, anchors, entries, height, width = cells.shape
    for n in prange(num):
        total = 0.0
        for a in range(anchors):
            for h in range(height):
                for w in range(width):
                    cell, goal = cells[n, a, :, h, w], target[n, a, :, h, w]
                    share, slope = weight[n, a, :, h, w], diff[n, a, :, h, w]
                    for e in range(5 if softmax else entries):
                        value = cell[e]
                        if e == 2 or e == 3:
                            slope[e] = share[e] * (value - goal[e])
                            total += slope[e] * (value - goal[e]) / 2
                        elif share[e] == 0:
                            slope[e] = 0
                        else:
                            slope[e] = share[e] * (sigmoid(value) - goal[e])
                            total += share[e] * (max(value, 0) + np.log1p(np.exp(-abs(value))) - goal[e] * value)
                    if softmax:
                        total += softmax_loss(cell[5:], goal[5:], share[5], slope[5:])
        partial[n] = total


@kernel
def softmax_loss(values, goal, weight, slope):
    """Weighted cross entropy of the softmax of ``values``, whose gradient goes into ``slope``."""
    if weight == 0:
        slope[:] = 0
        return 0.0
    most, total, hit = values.max(), 0.0, 0.0
    for k in range(values.size):
        slope[k] = np.exp(values[k] - most)
        total += slope[k]
        hit += goal[k] * (values[k] - most)
    for k in range(values.size):
        slope[k] = weight * (slope[k] / total - goal[k])
    return weight * (np.log(total) - hit)
