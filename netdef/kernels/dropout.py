"""Dropout: units switched off at random, by a hash of their position and not by a sequence.

Draw ``first + i`` of the key decides about element ``i``, so the mask is the same on any number of threads and
the backward pass computes it once more instead of keeping it.
"""

from __future__ import annotations

import numpy as np

from netdef.kernels._jit import kernel, prange
from netdef.kernels.random import hash_bits


@kernel(parallel=True)
def dropout(source, key, first, threshold, scale, target):
    """target[i] = source[i] * scale where hash(key, first + i) >= threshold, else 0.

    Parameters
    ----------
    source : 1-D array, the bottom's data or the top's diff.
    key, first, threshold : uint64; ``threshold`` is dropout_ratio * 2**64.
    scale : 1 / (1 - dropout_ratio), of the arrays' dtype.
    target : 1-D array, may be ``source``.
    """
    for i in prange(source.size):
        if hash_bits(key, first + np.uint64(i)) >= threshold:
            target[i] = source[i] * scale
        else:
            target[i] = 0
