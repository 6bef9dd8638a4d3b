"""Where a run went wrong: the first parameter or blob that holds a value which is no number."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from netdef.net import Net


def first_non_finite(net: Net) -> str:
    """Words for the first array of ``net``, in the order of its layers, with a NaN or an infinity; "" for none.

    Parameters come before the tops that are computed with them.
    """
    for step in net.steps:
        label = f'layer "{step.node.name}" ({step.node.type})'
        for index, blob in enumerate(step.layer.blobs):
            words = _words(blob)
            if words:
                return f"parameter blob {index} of {label}, {words}"
        for name, blob in zip(net.step_tops(step), step.top, strict=True):
            words = _words(blob)
            if words:
                return f'top "{name}" of {label}, {words}'
    return ""


def _words(blob) -> str:
    if not blob.has_data:
        return ""
    bad = ~np.isfinite(blob.data)
    count = int(np.count_nonzero(bad))
    if not count:
        return ""
    first = tuple(int(i) for i in np.argwhere(bad)[0])
    return f"{count} of {blob.count} values, the first, {blob.data[first]:g}, at {first}"
