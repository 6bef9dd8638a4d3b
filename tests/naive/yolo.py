"""Detection as YOLO's papers tell it, box by box."""

from math import exp

import numpy as np

from tests.naive.boxes import overlap


def sigmoid(value):
    return 1 / (1 + exp(-value))


def candidates(grid, sizes, softmax, threshold):
    """grid ``(boxes * (5 + classes), height, width)``, sizes in pairs of shares of the image; rows of 6 numbers."""
    cells = grid.reshape(len(sizes), -1, *grid.shape[1:])
    found = []
    for b, row, column in np.ndindex(len(sizes), *grid.shape[1:]):
        x, y, w, h, thing, *classes = cells[b, :, row, column]
        x, y = (column + sigmoid(x)) / grid.shape[2], (row + sigmoid(y)) / grid.shape[1]
        w, h = exp(w) * sizes[b][0], exp(h) * sizes[b][1]
        total = sum(exp(value) for value in classes)
        likely = [exp(value) / total if softmax else sigmoid(value) for value in classes]
        for number, share in enumerate(likely):
            score = sigmoid(thing) * share
            if score > threshold and (not softmax or share == max(likely)):
                found.append([number + 1, score, x - w / 2, y - h / 2, x + w / 2, y + h / 2])
    return found


def detect(grids, sizes, softmax, threshold, nms_threshold):
    """grids: for each bottom ``(num, ...)`` as of `candidates`; rows of 7 numbers."""
    rows = []
    for n in range(len(grids[0])):
        found = [item for grid, of in zip(grids, sizes) for item in candidates(grid[n], of, softmax, threshold)]
        kept = []
        for item in sorted(found, key=lambda item: -item[1]):
            if all(overlap(item[2:], other[2:]) < nms_threshold for other in kept):
                kept.append(item)
        rows += [[n, *item] for item in kept]
    return rows or [[n] + [-1] * 6 for n in range(len(grids[0]))]
