"""SoftmaxWithLoss label by label. ``normalization`` is its name in prototxt."""

from math import log

import numpy as np

from tests.naive.softmax import columns, softmax


def divisor(normalization, batch, count, valid):
    return max(1, {"FULL": count, "VALID": valid, "BATCH_SIZE": batch, "NONE": 1}[normalization])


def softmax_loss(scores, labels, axis=1, ignore_label=None, normalization="VALID", class_weight=None):
    """``(loss, gradient with respect to the scores)``."""
    prob = softmax(scores, axis)
    gradient = np.zeros(scores.shape)
    loss, valid = 0.0, 0
    for column, label in zip(columns(scores.shape, axis), labels.reshape(-1), strict=True):
        label = int(label)
        if label == ignore_label:
            continue
        valid += 1
        weight = 1 if class_weight is None else class_weight[label]
        loss -= weight * log(prob[column][label])
        gradient[column] = prob[column]
        gradient[column][label] -= 1
        gradient[column] *= weight
    batch = int(np.prod(scores.shape[:axis]))
    share = divisor(normalization, batch, labels.size, valid)
    return loss / share, gradient / share
