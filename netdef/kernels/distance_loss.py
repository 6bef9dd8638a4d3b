"""The losses over distances: contrastive, smooth L1, centre.

Sums and ``partial`` as in `netdef.kernels.loss`. Numbers have the arrays' dtype.
"""

import math

import numpy as np

from netdef.kernels._jit import kernel, prange
from netdef.kernels.loss import CHUNK, add_chunks
from netdef.kernels.sums import block_dot

BLOCK = 64  # columns that one thread adds up


@kernel(parallel=True)
def contrastive_forward(first, second, similar, margin, legacy, difference, distance):
    """The sum over pairs of their losses, float64: d**2 of similar ones, max(margin - d, 0)**2 of others.

    first, second, difference : (num, dim); ``difference = first - second``. distance : (num,), ``d**2``. With
    legacy, others lose max(margin - d**2, 0) (contrastive_loss_layer.cpp:48-57). similar : (num,); cut to whole
    numbers, 0 says that the two are not.
    """
    num, dim = first.shape
    for n in prange(num):
        for i in range(dim):
            difference[n, i] = first[n, i] - second[n, i]
        distance[n] = block_dot(difference[n], difference[n], 0, dim)
    loss = 0.0
    for n in range(num):
        if int(similar[n]) != 0:
            loss += distance[n]
        elif legacy:
            loss += max(np.float64(margin - distance[n]), 0.0)
        else:
            rest = max(np.float64(margin - math.sqrt(distance[n])), 0.0)
            loss += rest * rest
    return loss


@kernel(parallel=True)
def contrastive_backward(difference, distance, similar, margin, legacy, scale, bottom_diff):
    """``bottom_diff = scale * difference`` of similar pairs; of others, within the margin,
    ``- scale * (margin - d) / (d + 1e-4) * difference``, with legacy ``- scale * difference``; beyond it 0.
    """
    num, dim = difference.shape
    for n in prange(num):
        factor = scale
        if int(similar[n]) == 0:
            if legacy:
                rest = margin - distance[n]
                factor = -scale
            else:
                root = difference.dtype.type(math.sqrt(distance[n]))
                rest = margin - root
                factor = -scale * rest / (root + difference.dtype.type(1e-4))
            if not rest > 0:
                factor = difference.dtype.type(0)
        for i in range(dim):
            bottom_diff[n, i] = factor * difference[n, i]


@kernel(parallel=True)
def smooth_l1_forward(first, second, inside, outside, sigma2, partial, difference):
    """``difference = inside * (first - second)``; returns the sum of ``outside * f(difference)``, float64.

    ``f(d) = sigma2 * d**2 / 2`` where ``|d| < 1 / sigma2``, else ``|d| - 1 / (2 * sigma2)``. 1-D arrays; inside and
    outside of size 0 stand for ones.
    """
    bound = 1.0 / sigma2
    for chunk in prange(partial.shape[0]):
        total = 0.0
        for i in range(chunk * CHUNK, min((chunk + 1) * CHUNK, first.size)):
            value = first[i] - second[i]
            if inside.size:
                value = value * inside[i]
            difference[i] = value
            size = abs(np.float64(value))
            error = 0.5 * size * size * sigma2 if size < bound else size - 0.5 * bound
            total += error * outside[i] if outside.size else error
        partial[chunk, 0] = total
        partial[chunk, 1] = 0
    return add_chunks(partial)[0]


@kernel(parallel=True)
def smooth_l1_backward(difference, inside, outside, sigma2, scale, bottom_diff):
    """``bottom_diff = scale * inside * outside * f'(difference)``; f' is ``sigma2 * d``, or the sign of d."""
    one = difference.dtype.type(1)
    bound = one / sigma2
    for i in prange(difference.size):
        value = difference[i]
        if abs(value) < bound:
            slope = sigma2 * value
        else:
            slope = -one if value < 0 else one
        slope = slope * scale
        if inside.size:
            slope = slope * inside[i]
        if outside.size:
            slope = slope * outside[i]
        bottom_diff[i] = slope


@kernel(parallel=True)
def center_forward(bottom_data, label, center, partial, difference):
    """``difference[n] = bottom_data[n] - center[label[n]]``; returns the sum of its squares, float64.

    bottom_data, difference : (num, dim). center : (classes, dim). partial : (num,) float64, working space.
    """
    num, dim = bottom_data.shape
    for n in prange(num):
        target = center[int(label[n])]
        for i in range(dim):
            difference[n, i] = bottom_data[n, i] - target[i]
        partial[n] = block_dot(difference[n], difference[n], 0, dim)
    total = 0.0
    for n in range(num):
        total += partial[n]
    return total


@kernel(parallel=True)
def center_backward(difference, label, count, center_diff):
    """``center_diff[c] -= sum of difference[n] over the n of class c / (their number + 1)``.

    count : (classes,), working space. A thread owns whole columns; n runs upwards.
    """
    num, dim = difference.shape
    for c in range(count.size):
        count[c] = 1
    for n in range(num):
        count[int(label[n])] += 1
    for block in prange((dim + BLOCK - 1) // BLOCK):
        first = block * BLOCK
        last = min(first + BLOCK, dim)
        for n in range(num):
            c = int(label[n])
            for i in range(first, last):
                center_diff[c, i] -= difference[n, i] / count[c]
