"""The losses over distances, item by item."""

from math import sqrt

import numpy as np


def contrastive_loss(first, second, similar, margin=1.0, legacy=False):
    """``(loss, gradient with respect to the first)``; that of the second is its negative."""
    num = first.shape[0]
    loss, gradient = 0.0, np.zeros(first.shape)
    for n in range(num):
        difference = first[n] - second[n]
        square = float((difference**2).sum())
        if int(similar.reshape(-1)[n]):
            loss += square
            gradient[n] = difference
        elif legacy and margin - square > 0:
            loss += margin - square
            gradient[n] = -difference
        elif not legacy and margin - sqrt(square) > 0:
            loss += (margin - sqrt(square)) ** 2
            gradient[n] = -(margin - sqrt(square)) / (sqrt(square) + 1e-4) * difference
    return loss / num / 2, gradient / num


def smooth_l1_loss(first, second, inside=None, outside=None, sigma=1.0):
    """``(loss, gradient with respect to the first)``; that of the second is its negative."""
    loss, gradient = 0.0, np.zeros(first.shape)
    for index in np.ndindex(*first.shape):
        w_in = 1.0 if inside is None else inside[index]
        w_out = 1.0 if outside is None else outside[index]
        d = w_in * (first[index] - second[index])
        if abs(d) < 1 / sigma**2:
            loss += w_out * (sigma * d) ** 2 / 2
            gradient[index] = w_out * w_in * sigma**2 * d
        else:
            loss += w_out * (abs(d) - 0.5 / sigma**2)
            gradient[index] = w_out * w_in * np.sign(d)
    return loss / first.shape[0], gradient / first.shape[0]


def center_loss(features, labels, center):
    """``(loss, gradient with respect to the features, and to the centres)``."""
    num = features.shape[0]
    rows = features.reshape(num, -1)
    loss, gradient, center_diff = 0.0, np.zeros(rows.shape), np.zeros(center.shape)
    for n in range(num):
        gradient[n] = rows[n] - center[int(labels[n])]
        loss += float((gradient[n] ** 2).sum())
    for c in range(center.shape[0]):
        members = [n for n in range(num) if int(labels[n]) == c]
        center_diff[c] = -sum((gradient[n] for n in members), np.zeros(rows.shape[1])) / (len(members) + 1)
    return loss / num / 2, gradient.reshape(features.shape) / num, center_diff
