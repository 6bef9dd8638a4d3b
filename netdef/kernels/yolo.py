"""Boxes of YOLO's detectors, which look at an image in cells.

Source: the YOLO ports' Caffe, src/caffe/layers/yolo_detection_output_layer.cpp, yolov3_detection_output_layer.cpp.
"""

from __future__ import annotations

import numpy as np

from netdef.kernels._jit import kernel, prange
from netdef.kernels.boxes import overlap

DROPPED = -1  # the score of a box that is too weak


@kernel
def sigmoid(value):
    """``1 / (1 + exp(-value))``."""
    one = type(value)(1)
    return one / (one + np.exp(-value))


@kernel(parallel=True)
def decode_cells(cells, sizes, softmax, threshold, first, boxes, scores, labels):
    """Boxes, and the score and number of the most likely class of each, from box ``first`` on.

    cells : ``(num, anchors, 5 + classes, height, width)``: x, y, log w, log h, object, classes; sizes :
    ``(anchors, 2)``, width and height in shares of the image; boxes : ``(num, total, 4)``; scores, labels :
    ``(num, total)``. A score is sigmoid(object) times the softmax of the class, or its sigmoid, and DROPPED unless
    it is above ``threshold``, which the softmax, YOLO v2's way, may also reach. Of equal classes the first is taken.
    """
    num, anchors, _, height, width = cells.shape
    for unit in prange(num * height):
        n = unit // height
        h = unit - n * height
        for w in range(width):
            for a in range(anchors):
                cell = cells[n, a, :, h, w]
                place = first + (h * width + w) * anchors + a
                best = 5 + np.argmax(cell[5:])
                share = sigmoid(cell[best])
                if softmax:
                    share = cell[best] * 0
                    for c in range(5, cell.size):
                        share += np.exp(cell[c] - cell[best])
                    share = 1 / share
                score = sigmoid(cell[4]) * share
                strong = score > threshold or (softmax and score == threshold)
                scores[n, place] = score if strong else DROPPED
                labels[n, place] = best - 5
                half_w, half_h = np.exp(cell[2]) * sizes[a, 0] / 2, np.exp(cell[3]) * sizes[a, 1] / 2
                x, y = (w + sigmoid(cell[0])) / width, (h + sigmoid(cell[1])) / height
                box = boxes[n, place]
                box[0], box[1], box[2], box[3] = x - half_w, y - half_h, x + half_w, y + half_h


@kernel(parallel=True)
def keep_apart(boxes, scores, overlap_threshold, kept, counts):
    """Numbers of the boxes of each image that overlap no stronger one by ``overlap_threshold`` or more.

    Arrays as of `decode_cells`; kept : int64 ``(num, total)``, strongest first; counts : int64 ``(num,)``.
    Classes do not matter. Of equal scores the first comes first.
    """
    for n in prange(scores.shape[0]):
        candidates = np.flatnonzero(scores[n] >= 0)
        order = candidates[np.argsort(-scores[n][candidates], kind="mergesort")]
        count = 0
        for i in range(order.size):
            stays = True
            for k in range(count):
                if overlap(boxes[n, order[i]], boxes[n, kept[n, k]]) >= overlap_threshold:
                    stays = False
                    break
            if stays:
                kept[n, count] = order[i]
                count += 1
        counts[n] = count


@kernel
def write_boxes(boxes, scores, labels, kept, counts, top_data):
    """``top_data``: ``(detections, 7)`` rows image, 1 + class, score, xmin, ymin, xmax, ymax. Arrays as before."""
    row = 0
    for n in range(counts.shape[0]):
        for k in range(counts[n]):
            place = kept[n, k]
            top_data[row, 0] = n
            top_data[row, 1] = labels[n, place] + 1
            top_data[row, 2] = scores[n, place]
            top_data[row, 3:] = boxes[n, place]
            row += 1
