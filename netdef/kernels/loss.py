"""The losses: softmax with its cross entropy, sigmoid with its cross entropy, squared distance.

A loss is a sum over the batch. It is taken in float64, chunk by chunk of fixed length, and the chunks are
added in order, so that it has the same bits on any number of threads. Each forward kernel gets ``partial``,
``(num_chunks(count), 2)`` float64, to work in.

``ignore_label`` is a float64, NaN where no label is ignored: NaN equals nothing. Labels are truncated towards 0.
"""

from __future__ import annotations

import numpy as np

from netdef.kernels._jit import kernel, prange
from netdef.kernels.softmax import softmax_forward
from netdef.kernels.sums import block_dot

CHUNK = 4096  # elements of one partial sum
BLOCK = 512  # columns that one thread takes at a time
LEAST_PROBABILITY = float(np.finfo(np.float32).tiny)  # FLT_MIN, for float64 too (softmax_loss_layer.cpp:107)


def num_chunks(count: int) -> int:
    """The number of partial sums over ``count`` elements."""
    return (count + CHUNK - 1) // CHUNK


@kernel
def find_bad_label(label, num_labels, ignore_label):
    """Index of the first of the 1-D ``label`` that is neither a class, 0 to num_labels - 1, nor ignored; else -1."""
    for index in range(label.size):
        value = np.trunc(label[index])
        if not (0 <= value < num_labels or value == ignore_label):  # so that NaN is bad
            return index
    return -1


@kernel(parallel=True)
def softmax_loss_forward(prob, label, ignore_label, partial):
    """(- sum of log(prob at the label), number of labels not ignored), both float64.

    prob : (outer, channels, inner). label : (outer * inner,), checked before.
    """
    inner = prob.shape[2]
    chunks = partial.shape[0]
    for chunk in prange(chunks):
        loss = 0.0
        valid = 0.0
        for index in range(chunk * CHUNK, min((chunk + 1) * CHUNK, label.size)):
            if np.trunc(label[index]) == ignore_label:
                continue
            i = index // inner
            value = prob[i, int(label[index]), index - i * inner]
            if value < LEAST_PROBABILITY:  # NaN is not, and stays
                loss -= np.log(LEAST_PROBABILITY)
            else:
                loss -= np.log(np.float64(value))
            valid += 1
        partial[chunk, 0] = loss
        partial[chunk, 1] = valid
    return add_chunks(partial)


_serial_softmax, _serial_loss = softmax_forward.serial, softmax_loss_forward.serial


@kernel
def checked_softmax_loss(scores, label, ignore_label, scale, prob, partial):
    """`find_bad_label`; where there is none, `netdef.kernels.softmax.softmax_forward` and `softmax_loss_forward`.

    (index of the bad label or -1, loss, number of labels), on the calling thread.
    """
    bad = find_bad_label(label, scores.shape[1], ignore_label)
    if bad >= 0:
        return bad, 0.0, 0.0
    _serial_softmax(scores, scale, prob)
    loss, valid = _serial_loss(prob, label, ignore_label, partial)
    return bad, loss, valid


@kernel
def add_chunks(partial):
    """The sums of the two columns of ``partial``, in the order of the rows."""
    first = 0.0
    second = 0.0
    for chunk in range(partial.shape[0]):
        first += partial[chunk, 0]
        second += partial[chunk, 1]
    return first, second


@kernel(parallel=True)
def softmax_loss_backward(prob, label, ignore_label, scale, bottom_diff):
    """bottom_diff[c] = scale * (prob[c] - [c is the label]), 0 where the label is ignored.

    Shapes as in `softmax_loss_forward`; scale, loss weight / normalizer, has the arrays' dtype.
    """
    outer, channels, inner = prob.shape
    blocks = (inner + BLOCK - 1) // BLOCK
    for unit in prange(outer * blocks):
        i = unit // blocks
        begin = (unit - i * blocks) * BLOCK
        end = min(begin + BLOCK, inner)
        for c in range(channels):
            for j in range(begin, end):
                bottom_diff[i, c, j] = prob[i, c, j] * scale
        for j in range(begin, end):
            value = label[i * inner + j]
            if np.trunc(value) == ignore_label:
                for c in range(channels):
                    bottom_diff[i, c, j] = 0
            else:
                bottom_diff[i, int(value), j] -= scale


@kernel(parallel=True)
def weighted_softmax_loss_forward(prob, label, ignore_label, class_weight, partial):
    """`softmax_loss_forward` with each term multiplied by ``class_weight[label]``; the labels are counted plainly.

    class_weight : (channels,).
    """
    inner = prob.shape[2]
    for chunk in prange(partial.shape[0]):
        loss = 0.0
        valid = 0.0
        for index in range(chunk * CHUNK, min((chunk + 1) * CHUNK, label.size)):
            if np.trunc(label[index]) == ignore_label:
                continue
            i = index // inner
            value = np.float64(prob[i, int(label[index]), index - i * inner])
            if value < LEAST_PROBABILITY:  # NaN is not, and stays
                value = LEAST_PROBABILITY
            loss -= np.float64(class_weight[int(label[index])]) * np.log(value)
            valid += 1
        partial[chunk, 0] = loss
        partial[chunk, 1] = valid
    return add_chunks(partial)


@kernel(parallel=True)
def weigh_by_class(label, ignore_label, class_weight, bottom_diff):
    """Multiply the gradient at each label by ``class_weight[label]``; where the label is ignored it is 0 already.

    Shapes as in `softmax_loss_backward`; class_weight, (channels,), has the arrays' dtype.
    """
    outer, channels, inner = bottom_diff.shape
    for i in prange(outer):
        for c in range(channels):
            for j in range(inner):
                value = label[i * inner + j]
                if np.trunc(value) != ignore_label:
                    bottom_diff[i, c, j] *= class_weight[int(value)]


@kernel(parallel=True)
def sigmoid_cross_entropy_forward(bottom_data, target, ignore_label, partial):
    """(sum of the cross entropies of sigmoid(bottom) and target, number of targets not ignored), both float64.

    One term is log(1 + exp(-|x|)) - x (t - [x >= 0]), which overflows for no x
    (sigmoid_cross_entropy_loss_layer.cpp:95-96). bottom_data, target : 1-D.
    """
    chunks = partial.shape[0]
    for chunk in prange(chunks):
        loss = 0.0
        valid = 0.0
        for index in range(chunk * CHUNK, min((chunk + 1) * CHUNK, target.size)):
            if np.trunc(target[index]) == ignore_label:
                continue
            x = bottom_data[index]
            positive = 1.0 if x >= 0 else 0.0
            loss += np.log1p(np.exp(-abs(x))) - x * (target[index] - positive)
            valid += 1
        partial[chunk, 0] = loss
        partial[chunk, 1] = valid
    return add_chunks(partial)


@kernel(parallel=True)
def sigmoid_cross_entropy_backward(bottom_data, target, ignore_label, scale, bottom_diff):
    """bottom_diff = scale * (sigmoid(bottom) - target), 0 where the target is ignored. 1-D arrays."""
    for index in prange(bottom_data.size):
        if np.trunc(target[index]) == ignore_label:
            bottom_diff[index] = 0
        else:
            power = np.exp(-abs(bottom_data[index]))  # at most 1: never an overflow
            sigmoid = (1 if bottom_data[index] >= 0 else power) / (1 + power)
            bottom_diff[index] = (sigmoid - target[index]) * scale


@kernel(parallel=True)
def euclidean_forward(first_data, second_data, partial, difference):
    """difference = first - second; returns the sum of its squares, float64. 1-D arrays."""
    chunks = partial.shape[0]
    for chunk in prange(chunks):
        begin = chunk * CHUNK
        end = min(begin + CHUNK, first_data.size)
        for index in range(begin, end):
            difference[index] = first_data[index] - second_data[index]
        partial[chunk, 0] = block_dot(difference, difference, begin, end)
        partial[chunk, 1] = 0
    return add_chunks(partial)[0]


@kernel(parallel=True)
def euclidean_backward(difference, scale, bottom_diff):
    """bottom_diff = scale * difference. 1-D arrays; scale has their dtype."""
    for index in prange(difference.size):
        bottom_diff[index] = difference[index] * scale
