"""Kernels of PReLU.

A flat array is seen as (outer, channels, inner). ``slope`` has one value for each channel, or a single one; with
a single one, ``inner`` of the elementwise kernels may be any divisor of the number of elements.
"""

import numpy as np

from netdef.kernels._jit import kernel, prange


@kernel(parallel=True)
def prelu_forward(bottom_data, slope, inner, top_data):
    """``top_data = bottom_data`` above 0, else ``slope * bottom_data``; ``top_data`` may be ``bottom_data``."""
    dim = slope.size
    step = inner if inner > 1 else dim
    for block in prange(top_data.size // step):
        source = bottom_data[block * step : (block + 1) * step]
        target = top_data[block * step : (block + 1) * step]
        if inner > 1:
            factor = slope[block % dim]
            for i in range(step):
                value = source[i]
                target[i] = value if value > 0 else factor * value
        else:
            for i in range(step):
                value = source[i]
                target[i] = value if value > 0 else slope[i] * value


@kernel(parallel=True)
def prelu_backward(bottom_data, top_diff, slope, inner, bottom_diff):
    """``bottom_diff = top_diff`` where ``bottom_data > 0``, else ``slope * top_diff``; may run in place."""
    dim = slope.size
    step = inner if inner > 1 else dim
    for block in prange(bottom_diff.size // step):
        source = bottom_data[block * step : (block + 1) * step]
        diff = top_diff[block * step : (block + 1) * step]
        target = bottom_diff[block * step : (block + 1) * step]
        if inner > 1:
            factor = slope[block % dim]
            for i in range(step):
                target[i] = diff[i] if source[i] > 0 else factor * diff[i]
        else:
            for i in range(step):
                target[i] = diff[i] if source[i] > 0 else slope[i] * diff[i]


@kernel
def _block_slope(bottom_data, top_diff, start, stop):
    """Sum of ``top_diff * min(bottom_data, 0)`` from start to stop, in four float64 sums side by side."""
    source = bottom_data[start:stop]
    diff = top_diff[start:stop]
    zero = source.dtype.type(0)
    whole = source.size // 4 * 4
    s0 = s1 = s2 = s3 = np.float64(0)
    for i in range(0, whole, 4):
        s0 += diff[i] * (zero if source[i] > zero else source[i])
        s1 += diff[i + 1] * (zero if source[i + 1] > zero else source[i + 1])
        s2 += diff[i + 2] * (zero if source[i + 2] > zero else source[i + 2])
        s3 += diff[i + 3] * (zero if source[i + 3] > zero else source[i + 3])
    for i in range(whole, source.size):
        s0 += diff[i] * (zero if source[i] > zero else source[i])
    return (s0 + s1) + (s2 + s3)


@kernel(parallel=True)
def prelu_slope(bottom_data, top_diff, outer, inner, partial, slope_diff):
    """``slope_diff += sum of top_diff * min(bottom_data, 0)``, of each channel or, if it is one value, of all.

    partial : (channels,) float64, working space. A thread owns whole channels; outer runs upwards.
    """
    channels = partial.size
    for c in prange(channels):
        total = np.float64(0)
        for n in range(outer):
            start = (n * channels + c) * inner
            total += _block_slope(bottom_data, top_diff, start, start + inner)
        partial[c] = total
    if slope_diff.size == 1:
        total = np.float64(0)
        for c in range(channels):
            total += partial[c]
        slope_diff[0] += total
    else:
        for c in range(channels):
            slope_diff[c] += partial[c]
