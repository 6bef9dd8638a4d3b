"""Kernels of Bias.

A flat array of ``outer * bias.size * inner`` elements is seen as (outer, bias, inner).
"""

import numpy as np

from netdef.kernels._jit import kernel, prange
from netdef.kernels.sums import block_sum


@kernel(parallel=True)
def add_bias(bottom_data, bias, inner, top_data):
    """``top_data[n, d, i] = bottom_data[n, d, i] + bias[d]``; ``top_data`` may be ``bottom_data``."""
    dim = bias.size
    step = inner if inner > 1 else dim
    for block in prange(top_data.size // step):
        source = bottom_data[block * step : (block + 1) * step]
        target = top_data[block * step : (block + 1) * step]
        if inner > 1:
            term = bias[block % dim]
            for i in range(step):
                target[i] = source[i] + term
        else:
            for i in range(step):
                target[i] = source[i] + bias[i]


@kernel(parallel=True)
def sum_to_bias(top_diff, outer, inner, accumulate, bias_diff):
    """``bias_diff[d] = sum over n and i of top_diff[n, d, i]``, added to what is there if ``accumulate``.

    Each thread owns whole elements of ``bias_diff``; n runs upwards, in float64.
    """
    dim = bias_diff.size
    for d in prange(dim):
        total = np.float64(0)
        for n in range(outer):
            start = (n * dim + d) * inner
            if inner > 1:
                total += block_sum(top_diff, start, start + inner)
            else:
                total += top_diff[start]
        if accumulate:
            bias_diff[d] += total
        else:
            bias_diff[d] = total
