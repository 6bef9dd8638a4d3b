"""Tables for `netdef.kernels.lane_windows`: which pixels of a padded image meet which taps.

Along an axis, output ``o`` of a window of ``kernel`` taps meets the pixels ``o stride - pad + k dilation``.
`forward_axis` describes sums over the window, `backward_axis` the gradient, in which a pixel sums over the outputs that
met it. Places that meet the same taps are a *phase*: there are ``stride`` of them in a gradient.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np

__all__ = ["Axis", "WindowTables", "backward_axis", "forward_axis", "window_tables"]

STRIP_BYTES = 1 << 17  # of an image's padded rows: they shall stay in the second-level cache


class Axis(NamedTuple):
    """One axis of sums over windows of a padded image."""

    size: int  # pixels read
    margin: int  # zeros before them
    padded: int  # pixels with the zeros on both sides
    reach: int  # padded pixels from the first to the last that one place may read
    step: int  # padded pixels from a place to the next of its phase
    places: tuple[tuple[int, int], ...]  # for each place written: (phase, first padded pixel)
    taps: tuple[tuple[tuple[int, int], ...], ...]  # for each phase: (tap, padded pixel counted from the first)


class WindowTables(NamedTuple):
    """What the kernels read; places are counted in elements of a padded image of vectors of ``lanes``."""

    sizes: tuple[int, ...]  # (pixels of a plane read, width, pixels of a plane written, width, steps of rows …)
    places: np.ndarray  # (pixels,): of each pixel in the padded image
    rows: np.ndarray  # for each row written: (place, phase, first row read, last row read + 1)
    columns: np.ndarray  # for each phase: (first column written, how many, place)
    ranges: np.ndarray  # for each phase of rows and columns: (first, how many) of the two tables below
    offsets: np.ndarray  # of taps, in the padded image
    weights: np.ndarray  # of taps, in their weights as vectors
    strip_rows: int  # rows written at a time
    strip_size: int  # elements of the padded image that they read


def forward_axis(size: int, kernel: int, stride: int, pad: int, dilation: int, outputs: int) -> Axis:
    """Outputs as sums of the pixels in their windows."""
    reach = (kernel - 1) * dilation + 1
    padded = max(pad + size, (outputs - 1) * stride + reach)
    taps = tuple((k, k * dilation) for k in range(kernel))
    return Axis(size, pad, padded, reach, stride, tuple((0, o * stride) for o in range(outputs)), (taps,))


def backward_axis(size: int, kernel: int, stride: int, pad: int, dilation: int, outputs: int) -> Axis:
    """Pixels as sums of the outputs in whose windows they are."""
    margin = (kernel - 1) * dilation // stride
    places = tuple(((p + pad) % stride, (p + pad) // stride) for p in range(size))
    taps = tuple(
        tuple((k, margin - k * dilation // stride) for k in range(kernel) if k * dilation % stride == phase)
        for phase in range(stride)
    )
    padded = max(margin + outputs, places[-1][1] + margin + 1)
    return Axis(outputs, margin, padded, margin + 1, 1, places, taps)


@lru_cache(maxsize=256)
def window_tables(vertical: Axis, horizontal: Axis, lanes: int, itemsize: int) -> WindowTables:
    """The tables of sums over windows along two axes."""
    width = horizontal.padded
    pixels = (np.arange(vertical.size)[:, None] + vertical.margin) * width + np.arange(horizontal.size)
    rows = [_row(vertical, phase, first, width * lanes) for phase, first in vertical.places]
    columns = []
    for phase in range(len(horizontal.taps)):
        found = [place for place, (its, _) in enumerate(horizontal.places) if its == phase]
        columns.append((found[0], len(found), horizontal.places[found[0]][1] * lanes) if found else (0, 0, 0))
    kernel_w = sum(map(len, horizontal.taps))
    ranges, offsets, weights = [], [], []
    for lines in vertical.taps:
        for line in horizontal.taps:
            ranges.append((len(offsets), len(lines) * len(line)))
            offsets += [(row * width + column) * lanes for _, row in lines for _, column in line]
            weights += [(kh * kernel_w + kw) * lanes for kh, _ in lines for kw, _ in line]
    strip_rows, strip_size = _strip(vertical, width * lanes, STRIP_BYTES // itemsize)
    sizes = (
        vertical.size * horizontal.size, horizontal.size, len(vertical.places) * len(horizontal.places),
        len(horizontal.places), horizontal.step * lanes, len(horizontal.taps) * lanes,
    )  # fmt: skip
    arrays = (((pixels + horizontal.margin) * lanes).reshape(-1), rows, columns, ranges, offsets, weights)
    return WindowTables(sizes, *(np.array(values, np.int64) for values in arrays), strip_rows, strip_size)


def _row(axis: Axis, phase: int, first: int, pitch: int) -> tuple[int, int, int, int]:
    begin, end = (min(max(row - axis.margin, 0), axis.size) for row in (first, first + axis.reach))
    return first * pitch, phase, begin, end


def _strip(axis: Axis, pitch: int, most: int) -> tuple[int, int]:
    """``(rows written at a time, elements read for them)``: about ``most`` elements, all strips of a like height."""
    places = len(axis.places)

    def size(count: int) -> int:
        firsts = [first for _, first in axis.places]
        return (max(end - begin for begin, end in zip(firsts, firsts[count - 1 :])) + axis.reach) * pitch

    strips = 1
    while strips < places and size(-(-places // strips)) > most:
        strips += 1
    count = -(-places // strips)
    return count, size(count)
