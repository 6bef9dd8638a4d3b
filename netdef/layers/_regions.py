"""What layers that pool regions share: the checks of their second bottom."""

from __future__ import annotations

import numpy as np

from netdef.blob import Blob
from netdef.layer import Layer
from netdef.layers._axes import bottom_name


def check_regions(layer: Layer, bottom: list[Blob]) -> None:
    """LayerError unless bottom 0 is ``(N, C, H, W)`` and each row of bottom 1 holds 5 numbers."""
    features, regions = (blob.shape for blob in bottom)
    if len(features) != 4:
        layer.fail(
            f"{bottom_name(layer, 0)} has shape {features}; it must have 4 axes, (num, channels, height, width).",
            "bottom",
        )
    if not regions or bottom[1].count_from(1) != 5:
        layer.fail(
            f"{bottom_name(layer, 1)} has shape {regions}; expected regions of 5 numbers each: the image's number in "
            "the batch, x1, y1, x2, y2. Reshape it.",
            "bottom",
        )


def region_rows(layer: Layer, bottom: list[Blob]) -> np.ndarray:
    """The regions, ``(regions, 5)``; LayerError where one names an image that the batch has not."""
    rows = bottom[1].data.reshape(-1, 5)
    batch = bottom[0].shape[0]
    for number, image in enumerate(rows[:, 0]):
        if not 0 <= image < batch:
            layer.fail(
                f"region {number} of {bottom_name(layer, 1)} is in image {image:g}; {bottom_name(layer, 0)} has "
                f"{batch} image{'' if batch == 1 else 's'}, counted from 0. Correct the regions."
            )
    return rows
