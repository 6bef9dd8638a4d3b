"""Accuracy label by label: is the label among the first top_k when the scores are sorted, ties before the label?"""

import numpy as np

from tests.naive.softmax import columns


def accuracy(scores, labels, axis=1, top_k=1, ignore_label=None):
    """``(accuracy, accuracy of each class)``."""
    classes = scores.shape[axis]
    hits, totals = [0] * classes, [0] * classes
    for column, label in zip(columns(scores.shape, axis), labels.reshape(-1), strict=True):
        label = int(label)
        if label == ignore_label:
            continue
        order = sorted(range(classes), key=lambda c: (-scores[column][c], c == label))
        hits[label] += label in order[:top_k]
        totals[label] += 1
    per_class = [hit / total if total else 0 for hit, total in zip(hits, totals, strict=True)]
    return (sum(hits) / sum(totals) if sum(totals) else 0), np.array(per_class)
