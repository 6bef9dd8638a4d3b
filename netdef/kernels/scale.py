"""Kernels of Scale.

A flat array of ``outer * scale.size * inner`` elements is seen as (outer, scale, inner).
"""

import numpy as np

from netdef.kernels._jit import kernel, prange
from netdef.kernels.sums import block_dot


@kernel(parallel=True)
def multiply_by_scale(bottom_data, scale, inner, top_data):
    """``top_data[n, d, i] = bottom_data[n, d, i] * scale[d]``; ``top_data`` may be ``bottom_data``."""
    dim = scale.size
    step = inner if inner > 1 else dim
    for block in prange(top_data.size // step):
        source = bottom_data[block * step : (block + 1) * step]
        target = top_data[block * step : (block + 1) * step]
        if inner > 1:
            factor = scale[block % dim]
            for i in range(step):
                target[i] = source[i] * factor
        else:
            for i in range(step):
                target[i] = source[i] * scale[i]


@kernel(parallel=True)
def multiply_by_scale_and_add(bottom_data, scale, bias, inner, top_data):
    """``top_data[n, d, i] = bottom_data[n, d, i] * scale[d] + bias[d]``; ``top_data`` may be ``bottom_data``."""
    dim = scale.size
    step = inner if inner > 1 else dim
    for block in prange(top_data.size // step):
        source = bottom_data[block * step : (block + 1) * step]
        target = top_data[block * step : (block + 1) * step]
        if inner > 1:
            factor = scale[block % dim]
            term = bias[block % dim]
            for i in range(step):
                target[i] = source[i] * factor + term
        else:
            for i in range(step):
                target[i] = source[i] * scale[i] + bias[i]


@kernel(parallel=True)
def dot_to_scale(top_diff, bottom_data, outer, inner, accumulate, scale_diff):
    """``scale_diff[d] = sum over n and i of top_diff[n, d, i] * bottom_data[n, d, i]``, added if ``accumulate``.

    Each thread owns whole elements of ``scale_diff``; n runs upwards, in float64.
    """
    dim = scale_diff.size
    for d in prange(dim):
        total = np.float64(0)
        for n in range(outer):
            start = (n * dim + d) * inner
            if inner > 1:
                total += block_dot(top_diff, bottom_data, start, start + inner)
            else:
                total += top_diff[start] * bottom_data[start]
        if accumulate:
            scale_diff[d] += total
        else:
            scale_diff[d] = total
