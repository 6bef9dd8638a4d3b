"""The losses over classes besides softmax's: hinge, multinomial logistic, infogain.

Sums, ``partial`` and ``ignore_label`` as in `netdef.kernels.loss`; labels are 1-D, checked before, and truncated
towards 0.
"""

import numpy as np

from netdef.kernels._jit import kernel, prange
from netdef.kernels.loss import CHUNK, add_chunks

LEAST_PROBABILITY = 1e-20  # kLOG_THRESHOLD (loss_layer.hpp:12)


@kernel(parallel=True)
def hinge_forward(bottom_data, label, partial, margin):
    """``margin = max(0, 1 - bottom_data)`` at the label, ``max(0, 1 + bottom_data)`` elsewhere; NaN stays NaN.

    bottom_data, margin : (num, dim). Returns the sum of the margins and that of their squares, both float64.
    """
    num, dim = bottom_data.shape
    one = bottom_data.dtype.type(1)
    zero = bottom_data.dtype.type(0)
    for chunk in prange(partial.shape[0]):
        total = 0.0
        squares = 0.0
        for index in range(chunk * CHUNK, min((chunk + 1) * CHUNK, num * dim)):
            i = index // dim
            c = index - i * dim
            value = one - bottom_data[i, c] if c == int(label[i]) else one + bottom_data[i, c]
            if value < zero:
                value = zero
            margin[i, c] = value
            total += value
            squares += np.float64(value) * value
        partial[chunk, 0] = total
        partial[chunk, 1] = squares
    return add_chunks(partial)


@kernel(parallel=True)
def hinge_backward(margin, label, squared, scale, bottom_diff):
    """``bottom_diff = scale`` where the margin is above 0, ``2 * scale * margin`` if squared; negative at the label."""
    num, dim = margin.shape
    zero = margin.dtype.type(0)
    twice = scale + scale
    for i in prange(num):
        for c in range(dim):
            value = margin[i, c]
            if squared:
                bottom_diff[i, c] = twice * value
            else:
                bottom_diff[i, c] = scale if value > zero else zero
        c = int(label[i])
        bottom_diff[i, c] = -bottom_diff[i, c]


@kernel
def multinomial_forward(prob, label):
    """- sum of log(prob at the label), float64; prob : (num, dim), no less than 1e-20 counts."""
    loss = 0.0
    for i in range(label.size):
        value = np.float64(prob[i, int(label[i])])
        if value < LEAST_PROBABILITY:  # NaN is not, and stays
            value = LEAST_PROBABILITY
        loss -= np.log(value)
    return loss


@kernel
def multinomial_backward(prob, label, scale, bottom_diff):
    """``bottom_diff[i, label] = - scale / prob``; what is elsewhere stays."""
    least = prob.dtype.type(LEAST_PROBABILITY)
    for i in range(label.size):
        value = prob[i, int(label[i])]
        bottom_diff[i, int(label[i])] = -scale / (least if value < least else value)


@kernel(parallel=True)
def infogain_forward(prob, label, ignore_label, matrix, partial):
    """(- sum over labels n and classes l of matrix[n, l] log(prob[l]), number of labels not ignored), both float64.

    prob : (outer, classes, inner). label : (outer * inner,). matrix : (classes, classes).
    """
    classes, inner = prob.shape[1], prob.shape[2]
    for chunk in prange(partial.shape[0]):
        loss = 0.0
        valid = 0.0
        for index in range(chunk * CHUNK, min((chunk + 1) * CHUNK, label.size)):
            if np.trunc(label[index]) == ignore_label:
                continue
            i = index // inner
            row = matrix[int(label[index])]
            for c in range(classes):
                value = np.float64(prob[i, c, index - i * inner])
                if value < LEAST_PROBABILITY:
                    value = LEAST_PROBABILITY
                loss -= row[c] * np.log(value)
            valid += 1
        partial[chunk, 0] = loss
        partial[chunk, 1] = valid
    return add_chunks(partial)


@kernel(parallel=True)
def infogain_backward(prob, label, ignore_label, matrix, row_sums, scale, bottom_diff):
    """bottom_diff[c] = scale * (prob[c] * row_sums[label] - matrix[label, c]), 0 where the label is ignored.

    row_sums : (classes,), working space for the sums of the matrix's rows.
    """
    classes, inner = prob.shape[1], prob.shape[2]
    for n in range(classes):
        total = 0.0
        for c in range(classes):
            total += matrix[n, c]
        row_sums[n] = total
    for index in prange(label.size):
        i = index // inner
        j = index - i * inner
        if np.trunc(label[index]) == ignore_label:
            for c in range(classes):
                bottom_diff[i, c, j] = 0
        else:
            n = int(label[index])
            for c in range(classes):
                bottom_diff[i, c, j] = (prob[i, c, j] * row_sums[n] - matrix[n, c]) * scale
