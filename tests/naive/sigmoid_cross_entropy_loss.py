"""SigmoidCrossEntropyLoss target by target, by the definition (for scores that do not overflow)."""

from math import exp, log

import numpy as np

from tests.naive.softmax_loss import divisor


def sigmoid_cross_entropy_loss(scores, targets, ignore_label=None, normalization="BATCH_SIZE"):
    """``(loss, gradient with respect to the scores)``."""
    gradient = np.zeros(scores.shape)
    loss, valid = 0.0, 0
    for index in np.ndindex(*scores.shape):
        target = float(targets[index])
        if int(target) == ignore_label:
            continue
        valid += 1
        probability = 1 / (1 + exp(-scores[index]))
        loss -= target * log(probability) + (1 - target) * log(1 - probability)
        gradient[index] = probability - target
    share = divisor(normalization, scores.shape[0], scores.size, valid)
    return loss / share, gradient / share
