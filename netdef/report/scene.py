"""A picture as a list of shapes, drawn by `netdef.report.svg` and `netdef.report.png` alike.

Sizes are in pixels of a picture at scale 1, y grows downwards, colours are ``#rrggbb``.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL.ImageFont import FreeTypeFont

Point = tuple[float, float]


@dataclass(frozen=True)
class Box:
    """A rectangle with round corners; ``stroke`` "" draws no border."""

    x: float
    y: float
    width: float
    height: float
    radius: float
    fill: str
    stroke: str = ""
    stroke_width: float = 1.0


@dataclass(frozen=True)
class Curve:
    """A line of cubic pieces: a start, then two control points and an end for each piece."""

    points: tuple[Point, ...]
    stroke: str
    width: float = 1.4


@dataclass(frozen=True)
class Shape:
    """A filled polygon."""

    points: tuple[Point, ...]
    fill: str


@dataclass(frozen=True)
class Text:
    """One line; ``y`` is its middle, ``anchor`` says which part of it is at ``x``: start, middle or end.

    A ``halo`` is a margin in that colour which keeps the text legible above lines.
    """

    x: float
    y: float
    text: str
    size: float
    fill: str
    anchor: str = "start"
    halo: str = ""


@dataclass(frozen=True)
class Raster:
    """An encoded PNG, stretched over a rectangle; each of its pixels stays a sharp square. Text alone lies above it."""

    x: float
    y: float
    width: float
    height: float
    png: bytes


Mark = Box | Curve | Shape | Text | Raster


@dataclass
class Scene:
    """Marks in the order in which they are drawn, on a background."""

    width: float
    height: float
    background: str = "#ffffff"
    marks: list[Mark] = field(default_factory=list)


@lru_cache(maxsize=64)
def font(size: float) -> FreeTypeFont:
    """Pillow's built-in scalable font."""
    from PIL import ImageFont

    return ImageFont.load_default(size)


def text_width(text: str, size: float) -> float:
    """Pixels that a line takes; measured large, so that it is the same at every scale."""
    return font(100.0).getlength(text) * size / 100.0
