"""What the first layer with weights over an image has learned, filter by filter."""

from __future__ import annotations

from math import ceil, sqrt

import numpy as np

from netdef.net import Net
from netdef.report.gallery.answers import GRAY, INK, MARGIN
from netdef.report.gallery.rasters import photo, signed
from netdef.report.scene import Box, Raster, Scene, Text

MOST, MOST_CHANNELS = 256, 16
TILE = 56.0
GAP = 6.0
ROW = 6


def first_filters(net: Net) -> tuple[str, np.ndarray] | None:
    """Name and weights ``(O, C, H, W)`` of the first layer that reads an image, or None where there is none.

    A convolution with windows of more than one pixel, or an inner product over an image: then each output has a
    weight for each pixel.
    """
    for step in net.steps:
        blobs = step.layer.blobs
        if not blobs:
            continue
        weight = blobs[0].data
        if weight.ndim == 4 and weight.shape[2] * weight.shape[3] > 1:
            return step.node.name, weight
        image = step.bottom[0].shape[1:]
        if step.node.type == "InnerProduct" and len(image) == 3 and weight.shape[1:] == (np.prod(image),):
            return step.node.name, weight.reshape(-1, *image)
    return None


def filters_scene(name: str, weight: np.ndarray, title: str) -> Scene:
    """The filters: in colours where they read 3 channels, else a tile for each channel, blue below 0 and red above."""
    outputs, channels, height, width = weight.shape
    shown = weight[: MOST if channels in (1, 3) else MOST // MOST_CHANNELS, : max(3, MOST_CHANNELS)]
    limit = float(np.abs(weight).max())
    tiles = _tiles(shown, limit)
    columns = max(ROW, ceil(sqrt(1.6 * len(tiles)))) if channels in (1, 3) else shown.shape[1]
    columns = min(columns, len(tiles))
    wide, high = TILE * min(1.0, width / height), TILE * min(1.0, height / width)
    scene = Scene(max(2 * MARGIN + columns * (wide + GAP) - GAP, 430), 0)
    rest = f", the first {len(shown)} of {outputs}" if len(shown) < outputs else ""
    rest += f", {shown.shape[1]} of {channels} channels" if shown.shape[1] < channels else ""
    meaning = "blue, green and red as in images" if channels == 3 else f"blue -{limit:.3g}, white 0, red {limit:.3g}"
    scene.marks += [
        Text(MARGIN, 34, title, 19, INK),
        Text(MARGIN, 58, f"{name}: {outputs} x {channels} x {height} x {width}{rest}", 13, GRAY),
        Text(MARGIN, 78, meaning, 12, GRAY),
    ]
    for index, png in enumerate(tiles):
        row, column = divmod(index, columns)
        x, y = MARGIN + column * (wide + GAP), 100 + row * (high + GAP)
        scene.marks += [Box(x, y, wide, high, 0, "#ffffff", "#d5dadf", 1), Raster(x, y, wide, high, png)]
    scene.height = 100 + ceil(len(tiles) / columns) * (high + GAP) + MARGIN - GAP
    return scene


def _tiles(weight: np.ndarray, limit: float) -> list[bytes]:
    if weight.shape[1] == 3:
        scale = limit if limit > 0 else 1.0
        return [photo(np.rint(127.5 + 127.5 * one / scale).astype(np.uint8)) for one in weight]
    return [signed(channel, limit) for one in weight for channel in one]
