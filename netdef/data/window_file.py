"""Window files: boxes in images, objects and background, and how a box is cut out.

Source: Caffe src/caffe/layers/window_data_layer.cpp:54-165 (the file), 300-405 (the box).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import floor
from pathlib import Path

import numpy as np

from netdef.data.image_list import read_lines
from netdef.errors import DataError

COLUMNS = 6  # class, overlap, x1, y1, x2, y2
IMAGE, LABEL, BOX = 0, 1, slice(2, 6)  # columns of the tables of windows


@dataclass(frozen=True)
class WindowFile:
    """What a window file says.

    ``names`` of the images; ``foreground`` and ``background``: int64 ``(windows, 6)``, the image's number, the label
    (0 for background) and x1, y1, x2, y2, in pixels, the last ones within the box.
    """

    names: list[str]
    foreground: np.ndarray
    background: np.ndarray


def read_window_file(path: str | Path, fg_threshold: float, bg_threshold: float) -> WindowFile:
    """The windows of the images in a text file.

    For each image: ``# number``, its name, channels, height, width, the number of windows, each on a line, and then
    a line ``class overlap x1 y1 x2 y2`` for each window. A window whose overlap is ``fg_threshold`` or more is an
    object, one below ``bg_threshold`` background; others are dropped. Raises DataError with the number of the line.
    """
    reader = _Reader(path)
    names: list[str] = []
    tables = []
    while reader.more():
        words = reader.line().split()
        if len(words) != 2 or words[0] != "#" or words[1] != str(len(names)):
            reader.fail(f'"# {len(names)}", the start of the next image, counted from 0')
        names.append(reader.line())
        if reader.integer("the number of channels") != 3:
            reader.fail("3 channels, for images are read in colour")
        for what in ("the image's height", "the image's width"):
            reader.integer(what)
        windows = reader.windows(reader.integer("the number of windows"))
        tables.append(np.insert(windows, 0, len(names) - 1, axis=1))
    if not names:
        raise DataError(f'window file "{path}" is empty; expected images and their windows. Fill it.')
    table = np.concatenate(tables)
    overlap = table[:, 2].astype(np.float32)
    is_object = overlap >= np.float32(fg_threshold)
    is_background = ~is_object & (overlap < np.float32(bg_threshold))
    table = np.delete(table, 2, axis=1).astype(np.int64)
    foreground, background = table[is_object], table[is_background]
    background[:, LABEL] = 0
    if (foreground[:, LABEL] <= 0).any():
        row = foreground[foreground[:, LABEL] <= 0][0]
        raise DataError(
            f'window file "{path}" has an object of class {row[LABEL]} in image {row[IMAGE]}; classes of objects '
            "count from 1, 0 is the background. Correct the class, or its overlap."
        )
    return WindowFile(names, foreground, background)


class _Reader:
    """Lines of a window file, blank ones left out, with their numbers for messages."""

    def __init__(self, path: str | Path) -> None:
        self.path = path
        lines = enumerate((line.strip() for line in read_lines(path, "window file")), 1)
        self._lines = [(number, line) for number, line in lines if line]
        self._next = 0

    def more(self) -> bool:
        return self._next < len(self._lines)

    def line(self) -> str:
        if not self.more():
            raise DataError(f'window file "{self.path}" ends in the middle of an image. Make it again.')
        self._next += 1
        return self._lines[self._next - 1][1]

    def integer(self, what: str) -> int:
        text = self.line()
        if not text.isdigit():
            self.fail(what)
        return int(text)

    def windows(self, count: int) -> np.ndarray:
        """float64 ``(count, 6)``."""
        rows = np.zeros((count, COLUMNS))
        for row in range(count):
            words = self.line().split()
            try:
                rows[row] = [float(word) for word in words]
            except ValueError:
                self.fail('"class overlap x1 y1 x2 y2", six numbers')
        return rows

    def fail(self, expected: str):
        number, found = self._lines[self._next - 1]
        raise DataError(
            f'line {number} of window file "{self.path}" is "{found}"; expected {expected}. Correct the line.'
        )


@dataclass(frozen=True)
class Cut:
    """Which part of an image a window shows and where that lies in the crop.

    ``y1 : y2, x1 : x2`` pixels of the image (ends excluded) become ``height`` x ``width`` pixels, ``pad_h`` below the
    crop's upper and ``pad_w`` right of its left border.
    """

    y1: int
    y2: int
    x1: int
    x2: int
    height: int
    width: int
    pad_h: int
    pad_w: int


def cut_window(
    box: Sequence[float], image_size: tuple[int, int], crop_size: int, context_pad: int, square: bool, mirror: bool
) -> Cut:
    """How the window ``box`` (x1, y1, x2, y2) is cut out of an image of ``image_size`` (height, width).

    With ``context_pad`` the box grows so that this many pixels of the crop lie around it; ``square`` lets its
    shorter side grow to the longer one. What then lies beyond the image stays empty. ``mirror`` exchanges the
    empty columns too.
    """
    x1, y1, x2, y2 = (int(value) for value in box)
    if context_pad == 0 and not square:
        return Cut(y1, y2 + 1, x1, x2 + 1, crop_size, crop_size, 0, 0)
    scale = np.float32(crop_size) / np.float32(crop_size - 2 * context_pad)
    half_height, half_width = np.float32((y2 - y1 + 1) / 2), np.float32((x2 - x1 + 1) / 2)
    center_y, center_x = np.float32(y1) + half_height, np.float32(x1) + half_width
    if square:
        half_height = half_width = max(half_height, half_width)
    y1, y2, height, before_h, _ = _clip(center_y, half_height * scale, image_size[0], crop_size)
    x1, x2, width, before_w, after_w = _clip(center_x, half_width * scale, image_size[1], crop_size)
    pad_w = after_w if mirror else before_w
    return Cut(y1, y2, x1, x2, min(height, crop_size - before_h), min(width, crop_size - pad_w), before_h, pad_w)


def _clip(center: np.float32, half: np.float32, size: int, crop_size: int) -> tuple[int, int, int, int, int]:
    """Along one axis: start and end in the image, pixels in the crop, and empty pixels before and after."""
    first, last = _round(center - half), _round(center + half)
    scale = np.float32(crop_size) / np.float32(last - first + 1)
    before, after = max(0, -first), max(0, last - size + 1)
    first, last = first + before, last - after
    pixels = _round(np.float32(last - first + 1) * scale)
    return first, last + 1, pixels, _round(np.float32(before) * scale), _round(np.float32(after) * scale)


def _round(value) -> int:
    """The nearest whole number; halves go away from zero, as C's round."""
    value = float(value)
    return floor(value + 0.5) if value >= 0 else -floor(-value + 0.5)
