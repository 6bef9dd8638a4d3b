"""Which boxes of a detector are right. Source: SSD's Caffe, src/caffe/layers/detection_evaluate_layer.cpp."""

from __future__ import annotations

import numpy as np


def overlaps(boxes: np.ndarray, others: np.ndarray, pixel: int = 0) -> np.ndarray:
    """``(B, O)`` areas of intersections over those of unions, of boxes ``(B, 4)`` and ``(O, 4)``.

    ``pixel`` is 1 where the far corners are pixels that belong to the boxes (bbox_util.cpp:82-100, :274-294).
    """
    low, high = np.maximum(boxes[:, None, :2], others[:, :2]), np.minimum(boxes[:, None, 2:], others[:, 2:])
    sides = high - low + boxes.dtype.type(pixel)
    shared = np.where((high >= low).all(axis=2) & (sides > 0).all(axis=2), sides[..., 0] * sides[..., 1], 0)
    union = _areas(boxes, pixel)[:, None] + _areas(others, pixel) - shared
    return np.divide(shared, union, out=np.zeros_like(union), where=shared > 0)


def _areas(boxes: np.ndarray, pixel: int) -> np.ndarray:
    sides = boxes[:, 2:] - boxes[:, :2]
    return np.where((sides >= 0).all(axis=1), (sides + boxes.dtype.type(pixel)).prod(axis=1), 0)


def mark(found: np.ndarray, true: np.ndarray, difficult: np.ndarray, threshold: float, pixel: int = 0) -> np.ndarray:
    """``(B, 2)``: (1, 0) for a right box of one image and class, (0, 1) for a wrong one, (0, 0) for one not to count.

    ``found`` (B, 4) is ordered, strongest first: the first to overlap a true box ``(O, 4)`` by ``threshold`` is right,
    the others are not. Those whose true box is ``difficult`` do not count.
    """
    marks = np.zeros((len(found), 2))
    if not len(true):
        marks[:, 1] = 1
        return marks
    table = overlaps(found, true, pixel)
    best = table.argmax(axis=1)
    hit = table[np.arange(len(found)), best] >= np.float32(threshold)
    marks[~hit, 1] = 1
    counting = np.flatnonzero(hit & ~difficult[best])
    firsts = counting[np.unique(best[counting], return_index=True)[1]]
    marks[counting, 1] = 1
    marks[firsts] = 1, 0
    return marks
