"""Kernels of Normalize. A blob is seen as (num, channels, inner); ``scale`` has a value for each channel, or one.

The norm is of a whole item, ``norm`` (num, 1), or of each place over the channels, ``norm`` (num, inner).
"""

import math

import numpy as np

from netdef.kernels._jit import kernel, prange
from netdef.kernels.sums import block_dot

BLOCK = 512  # places that one thread takes at a time


@kernel(parallel=True)
def normalize_items(bottom_data, scale, eps, norm, partial, top_data):
    """``top_data = scale * bottom_data / norm``, ``norm = sqrt(sum of squares of the item + eps)``.

    partial : (num * channels,) float64, working space. Threads share an item; its channels are added upwards.
    """
    num, channels, inner = bottom_data.shape
    last = scale.size - 1
    for unit in prange(num * channels):
        plane = bottom_data[unit // channels, unit % channels]
        partial[unit] = block_dot(plane, plane, 0, inner)
    for n in range(num):
        total = np.float64(eps)
        for c in range(channels):
            total += partial[n * channels + c]
        norm[n, 0] = math.sqrt(total)
    for unit in prange(num * channels):
        n, c = unit // channels, unit % channels
        factor = scale[min(np.int64(c), last)] / norm[n, 0]
        for i in range(inner):
            top_data[n, c, i] = bottom_data[n, c, i] * factor


@kernel(parallel=True)
def normalize_places(bottom_data, scale, eps, norm, top_data):
    """``top_data = scale * bottom_data / norm``, ``norm = sqrt(sum of squares over the channels + eps)``."""
    num, channels, inner = bottom_data.shape
    last = scale.size - 1
    blocks = (inner + BLOCK - 1) // BLOCK
    for unit in prange(num * blocks):
        n = unit // blocks
        begin = (unit - n * blocks) * BLOCK
        end = min(begin + BLOCK, inner)
        for i in range(begin, end):
            norm[n, i] = eps
        for c in range(channels):
            for i in range(begin, end):
                norm[n, i] += bottom_data[n, c, i] * bottom_data[n, c, i]
        for i in range(begin, end):
            norm[n, i] = math.sqrt(norm[n, i])
        for c in range(channels):
            factor = scale[min(c, last)]
            for i in range(begin, end):
                top_data[n, c, i] = bottom_data[n, c, i] / norm[n, i] * factor


@kernel(parallel=True)
def normalize_items_backward(bottom_data, top_diff, scale, norm, partial, bottom_diff):
    """``bottom_diff = (scale * top_diff - bottom_data * a / norm**2) / norm``, a = sum scale * top_diff * bottom_data.

    The sum is over the item, in float64; partial : (num * channels,) float64, working space. ``bottom_diff`` may be
    ``top_diff``.
    """
    num, channels, inner = bottom_data.shape
    last = scale.size - 1
    for unit in prange(num * channels):
        n, c = unit // channels, unit % channels
        partial[unit] = scale[min(np.int64(c), last)] * block_dot(top_diff[n, c], bottom_data[n, c], 0, inner)
    for n in range(num):
        total = np.float64(0)
        for c in range(channels):
            total += partial[n * channels + c]
        partial[n * channels] = total / norm[n, 0] / norm[n, 0]
    for unit in prange(num * channels):
        n, c = unit // channels, unit % channels
        factor, length = scale[min(np.int64(c), last)], norm[n, 0]
        share = bottom_data.dtype.type(partial[n * channels])
        for i in range(inner):
            bottom_diff[n, c, i] = (factor * top_diff[n, c, i] - bottom_data[n, c, i] * share) / length


@kernel(parallel=True)
def normalize_places_backward(bottom_data, top_diff, scale, norm, total, bottom_diff):
    """As `normalize_items_backward`, with sums over the channels. total : (num, inner), working space."""
    num, channels, inner = bottom_data.shape
    last = scale.size - 1
    blocks = (inner + BLOCK - 1) // BLOCK
    for unit in prange(num * blocks):
        n = unit // blocks
        begin = (unit - n * blocks) * BLOCK
        end = min(begin + BLOCK, inner)
        for i in range(begin, end):
            total[n, i] = 0
        for c in range(channels):
            factor = scale[min(c, last)]
            for i in range(begin, end):
                total[n, i] += factor * top_diff[n, c, i] * bottom_data[n, c, i]
        for i in range(begin, end):
            total[n, i] = total[n, i] / norm[n, i] / norm[n, i]
        for c in range(channels):
            factor = scale[min(c, last)]
            for i in range(begin, end):
                scaled = factor * top_diff[n, c, i]
                bottom_diff[n, c, i] = (scaled - bottom_data[n, c, i] * total[n, i]) / norm[n, i]


@kernel(parallel=True)
def normalize_scale(bottom_data, top_diff, norm, partial, scale_diff):
    """``scale_diff += sum of top_diff * bottom_data / norm``, of each channel or, if it is one value, of all.

    partial : (channels,) float64, working space. A thread owns whole channels; items run upwards.
    """
    num, channels, inner = bottom_data.shape
    places = norm.shape[1]
    for c in prange(channels):
        total = np.float64(0)
        for n in range(num):
            if places == 1:
                total += block_dot(top_diff[n, c], bottom_data[n, c], 0, inner) / norm[n, 0]
            else:
                for i in range(inner):
                    total += top_diff[n, c, i] * bottom_data[n, c, i] / norm[n, i]
        partial[c] = total
    if scale_diff.size == 1:
        total = np.float64(0)
        for c in range(channels):
            total += partial[c]
        scale_diff[0] += total
    else:
        for c in range(channels):
            scale_diff[c] += partial[c]
