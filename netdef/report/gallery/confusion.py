"""How often a net took one class for another, as a table of shaded cells."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from netdef.report.gallery.answers import GRAY, INK, MARGIN, percent
from netdef.report.gallery.rasters import mixed
from netdef.report.scene import Box, Scene, Text, text_width

LARGEST, SMALLEST, WHOLE = 46.0, 5.0, 900.0
RIGHT, WRONG, EMPTY = "#2b7a4b", "#c62828", "#f6f7f8"
LEGIBLE = 24.0  # the least side of a cell with a number in it


def confusion_scene(counts: np.ndarray, labels: Sequence[str], title: str) -> Scene:
    """A row for each label, a column for each answer, ``counts[label, answer]``.

    Shades show the share of a row; the square root makes rare mistakes visible. Rows end with the share of right
    answers (recall), columns with that of right ones among those who got this answer (precision).
    """
    classes = len(counts)
    side = max(SMALLEST, min(LARGEST, WHOLE / classes))
    is_legible = side >= LEGIBLE
    left = MARGIN + 14 + (max(text_width(name, 12) for name in [*labels, "precision"]) if is_legible else 24)
    top = 122.0
    scene = Scene(
        left + classes * side + (74 if is_legible else MARGIN), top + classes * side + (46 if is_legible else MARGIN)
    )
    total, correct = counts.sum(), np.trace(counts)
    scene.marks += [
        Text(MARGIN, 34, title, 19, INK),
        Text(MARGIN, 58, f"{correct:,} of {total:,} right: {percent(correct, total, 2)}", 13, GRAY),
        Text(left + classes * side / 2, top - 34, "answer", 12, GRAY, "middle"),
        Text(left - 10, top - 14, "label", 12, GRAY, "end"),
    ]
    for label, row in enumerate(counts):
        for answer, count in enumerate(row):
            _cell(scene, left + answer * side, top + label * side, side, int(count), int(row.sum()), label == answer)
    if is_legible:
        _margins(scene, counts, labels, left, top, side)
    return scene


def _cell(scene: Scene, x: float, y: float, side: float, count: int, of: int, is_right: bool) -> None:
    shade = (count / of) ** 0.5 if of else 0.0
    gap = 1.0 if side > 12 else 0.0
    scene.marks.append(
        Box(x, y, side - gap, side - gap, 2 if gap else 0, mixed(EMPTY, RIGHT if is_right else WRONG, shade))
    )
    if side >= LEGIBLE and count:
        ink = "#ffffff" if shade > 0.75 else INK
        size = min(13.0, 13.0 * (side - 6) / max(text_width(f"{count:,}", 13), 1.0))
        scene.marks.append(Text(x + (side - gap) / 2, y + (side - gap) / 2, f"{count:,}", size, ink, "middle"))


def _margins(scene: Scene, counts: np.ndarray, labels: Sequence[str], left: float, top: float, side: float) -> None:
    right, bottom = left + len(counts) * side, top + len(counts) * side + 16
    for index, name in enumerate(labels):
        middle = (index + 0.5) * side
        short = name if text_width(name, 12) <= side else name[: max(1, int(side / 8) - 1)] + "…"
        scene.marks += [
            Text(left - 10, top + middle, name, 12, INK, "end"),
            Text(left + middle, top - 14, short, 12, INK, "middle"),
            Text(right + 56, top + middle, percent(counts[index, index], counts[index].sum()), 12, GRAY, "end"),
            Text(left + middle, bottom, percent(counts[index, index], counts[:, index].sum()), 11, GRAY, "middle"),
        ]
    scene.marks.append(Text(right + 56, top - 14, "recall", 12, GRAY, "end"))
    scene.marks.append(Text(left - 10, bottom, "precision", 11, GRAY, "end"))
