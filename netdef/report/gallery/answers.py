"""Images with what a net says about them: right answers above, wrong ones below."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from netdef.report.gallery.evaluation import Answer, Evaluation
from netdef.report.gallery.rasters import photo
from netdef.report.scene import Box, Raster, Scene, Text, text_width

if TYPE_CHECKING:
    import numpy as np

INK, GRAY, GREEN, RED = "#1f2933", "#66717d", "#2b7a4b", "#b3261e"
COLUMNS, SIDE, GAP, MARGIN = 8, 96, 20, 28
LINE = 16  # of the caption below an image


def answers_scene(found: Evaluation, labels: Sequence[str], title: str) -> Scene:
    """All answers that were kept. ``labels`` names the classes."""
    columns = max(min(COLUMNS, max(len(found.right), len(found.wrong))), 5)
    scene = Scene(2 * MARGIN + columns * (SIDE + GAP) - GAP, 0)
    scene.marks.append(Text(MARGIN, 34, title, 19, INK))
    scene.marks.append(
        Text(
            MARGIN,
            58,
            f"{found.correct:,} of {found.total:,} right: {percent(found.correct, found.total, 2)}",
            13,
            GRAY,
        )
    )
    y = 88.0
    wrong = found.total - found.correct
    for words, answers, lines in (
        (f"Right, {len(found.right)} of {found.correct:,}", found.right, 1),
        (f"Wrong, {len(found.wrong)} of {wrong:,}, the surest first", found.wrong, 2),
    ):
        scene.marks.append(Text(MARGIN, y, words if answers else words.partition(",")[0] + ": none", 14, INK))
        y += 18
        high = SIDE + 6 + lines * LINE + GAP
        for index, answer in enumerate(answers):
            row, column = divmod(index, columns)
            _cell(scene, MARGIN + column * (SIDE + GAP), y + row * high, answer, labels)
        y += -(-len(answers) // columns) * high + 14
    scene.height = y + 4
    return scene


def _cell(scene: Scene, x: float, y: float, answer: Answer, labels: Sequence[str]) -> None:
    is_right = answer.answer == answer.label
    colour = GREEN if is_right else RED
    scene.marks.append(Box(x, y, SIDE, SIDE, 3, "#eef0f2", colour, 1.5))
    height, width = answer.image.shape[1:]
    shrink = (SIDE - 6) / max(height, width)
    wide, high = width * shrink, height * shrink
    scene.marks.append(Raster(x + (SIDE - wide) / 2, y + (SIDE - high) / 2, wide, high, photo(answer.image)))
    lines = [(answer.answer, colour)] if is_right else [(answer.answer, colour), (answer.label, GRAY)]
    for place, (label, ink) in enumerate(lines):
        words = _fitting(f"{'is ' if place else ''}{labels[label]}", score(answer.output, label))
        scene.marks.append(Text(x + SIDE / 2, y + SIDE + 13 + LINE * place, words, 12, ink, "middle"))


def score(output: np.ndarray, label: int) -> str:
    """A probability as ``98.7 %``, any other output as a number."""
    is_probability = 0 <= output.min() and abs(float(output.sum()) - 1) < 0.01
    return f"{100 * float(output[label]):.1f} %" if is_probability else f"{float(output[label]):.3g}"


def percent(part: int, whole: int, places: int = 1) -> str:
    """``98.7 %``; a dash where there is nothing to have a share of."""
    return f"{100 * part / whole:.{places}f} %" if whole else "–"


def _fitting(name: str, number: str) -> str:
    """``name  number`` in the width of a cell; a long name is cut."""
    words = f"{name}  {number}"
    while text_width(words, 12) > SIDE + GAP - 6 and len(name) > 2:
        name = name[:-2].rstrip() + "…" if name.endswith("…") else name[:-1] + "…"
        words = f"{name}  {number}"
    return words
