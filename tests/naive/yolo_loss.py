"""The losses of YOLO's detectors as Darknet's layers tell them, box by box, in two steps: aims, then the loss."""

from math import exp, log

import numpy as np


def sigmoid(value):
    return 1 / (1 + exp(-value))


def stretch(first, first_size, second, second_size):
    least = max(first - first_size / 2, second - second_size / 2)
    return max(min(first + first_size / 2, second + second_size / 2) - least, 0)


def overlap(first, second):
    """Of boxes x, y, w, h."""
    shared = stretch(first[0], first[2], second[0], second[2]) * stretch(first[1], first[3], second[1], second[3])
    return shared / (first[2] * first[3] + second[2] * second[3] - shared)


def box(cell, row, column, height, width, size):
    x, y = (column + sigmoid(cell[0])) / width, (row + sigmoid(cell[1])) / height
    return x, y, exp(cell[2]) * size[0], exp(cell[3]) * size[1]


def truths(rows, image):
    """x, y, w, h, class (from 0) of the rows of 8 of an image; a row of -1 ends them."""
    found = []
    for row in rows:
        if row[0] == -1:
            break
        if row[0] == image:
            xmin, ymin, xmax, ymax = row[3:7]
            found.append(((xmin + xmax) / 2, (ymin + ymax) / 2, xmax - xmin, ymax - ymin, int(row[1]) - 1))
    return found


def like(size, truth):
    return overlap((0, 0, *size), (0, 0, truth[2], truth[3]))


def set_box(target, weight, place, truth, size, factor):
    a, row, column = place
    height, width = target.shape[2:]
    goals = truth[0] * width - column, truth[1] * height - row, log(truth[2] / size[0]), log(truth[3] / size[1])
    target[a, :4, row, column], weight[a, :4, row, column] = goals, factor


def set_class(target, weight, place, number, factor, several):
    a, row, column = place
    if not (several and weight[a, 5, row, column]):
        target[a, 5:, row, column], weight[a, 5:, row, column] = 0, factor
    target[a, 5 + number, row, column] = 1


def aim_yolo(cells, rows, sizes, mask, ignore, certain):
    """Targets and weights of one image's cells ``(anchors, 5 + classes, height, width)``."""
    target, weight = np.zeros(cells.shape), np.zeros(cells.shape)
    height, width = cells.shape[2:]

    def take(place, truth, size):
        a, row, column = place
        set_box(target, weight, place, truth, size, 2 - truth[2] * truth[3])
        target[a, 4, row, column] = weight[a, 4, row, column] = 1
        set_class(target, weight, place, truth[4], 1, True)

    for a, row, column in np.ndindex(len(mask), height, width):
        size = sizes[mask[a]]
        found = box(cells[a, :, row, column], row, column, height, width, size)
        shared, _, best = max(
            [(overlap(found, truth), -t, truth) for t, truth in enumerate(rows)], default=(0, 0, None)
        )
        weight[a, 4, row, column] = shared <= ignore
        if shared > certain:
            take((a, row, column), best, size)
    for truth in rows:
        best = max(range(len(sizes)), key=lambda k: like(sizes[k], truth))
        if best in mask:
            take((mask.index(best), int(truth[1] * height), int(truth[0] * width)), truth, sizes[best])
    return target, weight


def aim_region(cells, rows, sizes, thresh, scales, prior, softmax, rescore, bias_match):
    """The same for YOLO v2; scales of coordinates, object, no object, class."""
    target, weight = np.zeros(cells.shape), np.zeros(cells.shape)
    height, width = cells.shape[2:]
    for a, row, column in np.ndindex(len(sizes), height, width):
        found = box(cells[a, :, row, column], row, column, height, width, sizes[a])
        shared = max([overlap(found, truth) for truth in rows], default=0)
        weight[a, 4, row, column] = scales[2] if shared <= thresh else 0
        if prior:
            target[a, :4, row, column], weight[a, :4, row, column] = [0.5, 0.5, 0, 0], 0.01
    for truth in rows:
        row, column = int(truth[1] * height), int(truth[0] * width)
        boxes = [box(cells[a, :, row, column], row, column, height, width, size) for a, size in enumerate(sizes)]
        told = sizes if bias_match else [each[2:] for each in boxes]
        a = max(range(len(sizes)), key=lambda k: like(told[k], truth))
        set_box(target, weight, (a, row, column), truth, sizes[a], scales[0] * (2 - truth[2] * truth[3]))
        target[a, 4, row, column] = overlap(boxes[a], truth) if rescore else 1
        weight[a, 4, row, column] = scales[1]
        set_class(target, weight, (a, row, column), truth[4], scales[3], not softmax)
    return target, weight


def loss(cells, target, weight, softmax):
    """Of one image, with targets and weights that stay."""
    total = 0.0
    for a, row, column in np.ndindex(cells.shape[0], *cells.shape[2:]):
        cell, goal, share = (array[a, :, row, column] for array in (cells, target, weight))
        for e in range(5 if softmax else len(cell)):
            if e in (2, 3):
                total += share[e] * (cell[e] - goal[e]) ** 2 / 2
            else:
                p = sigmoid(cell[e])
                total -= share[e] * (goal[e] * log(p) + (1 - goal[e]) * log(1 - p))
        if softmax:
            chances = np.exp(cell[5:]) / np.exp(cell[5:]).sum()
            total -= share[5] * (goal[5:] * np.log(chances)).sum()
    return total
