"""Accuracy: how often the label is among the best predictions. Source: Caffe src/caffe/layers/accuracy_layer.cpp."""

from __future__ import annotations

import numpy as np

from netdef.kernels._jit import kernel, prange


@kernel(parallel=True)
def accuracy_hits(bottom_data, label, ignore_label, top_k, hits):
    """hits[i] = 1 where the label is among the top_k scores, 0 where it is not, -1 where it is ignored.

    A score equal to the label's counts against it (accuracy_layer.cpp:75-78).

    bottom_data : (outer, channels, inner). label, hits : (outer * inner,), labels checked before; hits int32.
    ignore_label : float64, NaN for none.
    """
    outer, channels, inner = bottom_data.shape
    for index in prange(label.size):
        if np.trunc(label[index]) == ignore_label:
            hits[index] = -1
        else:
            i = index // inner
            j = index - i * inner
            score = bottom_data[i, int(label[index]), j]
            better = -1  # the label itself is counted below
            for c in range(channels):
                if not bottom_data[i, c, j] < score:  # NaN counts as better: a broken net never hits
                    better += 1
                    if better >= top_k:
                        break
            hits[index] = 1 if better < top_k else 0


@kernel
def accuracy_tally(label, hits, totals, accuracy, per_class):
    """accuracy[0] = share of hits in all labels, per_class[c] = share in those of class c; 0 where there are none.

    label, hits : as from `accuracy_hits`. totals : (classes,), working space of the arrays' dtype.
    """
    count = 0
    right = 0
    for c in range(per_class.size):
        totals[c] = 0
        per_class[c] = 0
    for index in range(label.size):
        if hits[index] >= 0:
            c = int(label[index])
            count += 1
            right += hits[index]
            totals[c] += 1
            per_class[c] += hits[index]
    accuracy[0] = right / count if count > 0 else 0.0
    for c in range(per_class.size):
        if totals[c] > 0:
            per_class[c] /= totals[c]
