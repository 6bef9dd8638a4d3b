"""The losses over classes besides softmax's, label by label: ``(loss, gradient with respect to the scores)``."""

from math import log

import numpy as np

from tests.naive.softmax import columns, softmax
from tests.naive.softmax_loss import divisor


def hinge_loss(scores, labels, norm="L1"):
    num = scores.shape[0]
    rows = scores.reshape(num, -1)
    loss, gradient = 0.0, np.zeros(rows.shape)
    for n in range(num):
        for c in range(rows.shape[1]):
            sign = -1 if c == int(labels.reshape(-1)[n]) else 1
            margin = max(0.0, 1 + sign * float(rows[n, c]))
            loss += margin if norm == "L1" else margin**2
            gradient[n, c] = sign * ((margin > 0) if norm == "L1" else 2 * margin)
    return loss / num, gradient.reshape(scores.shape) / num


def multinomial_logistic_loss(prob, labels):
    num = prob.shape[0]
    rows = prob.reshape(num, -1)
    loss, gradient = 0.0, np.zeros(rows.shape)
    for n in range(num):
        label = int(labels.reshape(-1)[n])
        value = max(float(rows[n, label]), 1e-20)
        loss -= log(value)
        gradient[n, label] = -1 / value
    return loss / num, gradient.reshape(prob.shape) / num


def infogain_loss(scores, labels, matrix, axis=1, ignore_label=None, normalization="VALID"):
    prob = softmax(scores, axis)
    gradient = np.zeros(scores.shape)
    loss, valid = 0.0, 0
    for column, label in zip(columns(scores.shape, axis), labels.reshape(-1), strict=True):
        if int(label) == ignore_label:
            continue
        valid += 1
        row = matrix[int(label)]
        loss -= sum(weight * log(max(p, 1e-20)) for weight, p in zip(row, prob[column], strict=True))
        gradient[column] = prob[column] * sum(row) - row
    share = divisor(normalization, int(np.prod(scores.shape[:axis])), labels.size, valid)
    return loss / share, gradient / share
