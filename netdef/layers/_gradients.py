"""Gradients of parameters, for kernels that add to them."""

from __future__ import annotations

import numpy as np

from netdef.blob import Blob
from netdef.kernels.fill import clear


def gradient_of(blob: Blob) -> np.ndarray:
    """The gradient of a parameter, flat; where it is to be cleared, a kernel has done so."""
    diff, counts = blob.open_diff()
    diff = diff.reshape(-1)
    if not counts:
        clear(diff)
    return diff
