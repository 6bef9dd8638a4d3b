"""A scene as a PNG picture, by Pillow and its built-in font: nothing else has to be installed.

Shapes are drawn several times too large and shrunk, which smooths their edges; strip by strip, so that
the memory does not grow with the picture. Text is drawn in its final size.
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from netdef.report.scene import Box, Curve, Raster, Scene, Shape, Text, font

if TYPE_CHECKING:
    from PIL import Image, ImageDraw

OVERSAMPLING = 3
STRIP = 512  # rows of the final picture
STEPS = 14  # straight lines for one cubic piece


def to_png(scene: Scene, scale: float = 2.0) -> Image.Image:
    """An RGB image of ``scale`` times the scene's size."""
    from PIL import Image, ImageDraw

    size = (max(1, round(scene.width * scale)), max(1, round(scene.height * scale)))
    image = Image.new("RGB", size, scene.background)
    shapes = [(mark, *_rows(mark)) for mark in scene.marks if not isinstance(mark, (Text, Raster))]
    for top in range(0, size[1], STRIP):
        height = min(STRIP, size[1] - top)
        inside = [mark for mark, low, high in shapes if high * scale >= top and low * scale <= top + height]
        if inside:
            image.paste(_strip(scene, inside, scale, top, size[0], height), (0, top))
    for mark in scene.marks:
        if isinstance(mark, Raster):
            _raster(image, mark, scale)
    draw = ImageDraw.Draw(image)
    for mark in scene.marks:
        if isinstance(mark, Text):
            _text(draw, mark, scale)
    return image


def _raster(image: Image.Image, raster: Raster, scale: float) -> None:
    """Pixels that become larger stay sharp, pixels that become smaller are averaged."""
    from PIL import Image

    left, top = round(raster.x * scale), round(raster.y * scale)
    right, bottom = round((raster.x + raster.width) * scale), round((raster.y + raster.height) * scale)
    size = (max(1, right - left), max(1, bottom - top))
    with Image.open(io.BytesIO(raster.png)) as pixels:
        shrinks = pixels.width > size[0] or pixels.height > size[1]
        method = Image.Resampling.BOX if shrinks else Image.Resampling.NEAREST
        image.paste(pixels.convert("RGB").resize(size, method), (left, top))


def _rows(mark: Box | Curve | Shape) -> tuple[float, float]:
    """The rows that a mark can reach."""
    if isinstance(mark, Box):
        return mark.y - mark.stroke_width, mark.y + mark.height + mark.stroke_width
    rows = [y for _, y in mark.points]
    return min(rows) - 2, max(rows) + 2


def _strip(scene: Scene, marks: list, scale: float, top: int, width: int, height: int) -> Image.Image:
    from PIL import Image, ImageDraw

    large = Image.new("RGB", (width * OVERSAMPLING, height * OVERSAMPLING), scene.background)
    draw = ImageDraw.Draw(large)
    factor, shift = scale * OVERSAMPLING, top * OVERSAMPLING
    for mark in marks:
        DRAWERS[type(mark)](draw, mark, factor, shift)
    return large.reduce(OVERSAMPLING)


def _box(draw: ImageDraw.ImageDraw, box: Box, factor: float, shift: float) -> None:
    inset = box.stroke_width / 2 if box.stroke else 0.0
    left, top = (box.x - inset) * factor, (box.y - inset) * factor - shift
    right, bottom = (box.x + box.width + inset) * factor - 1, (box.y + box.height + inset) * factor - 1 - shift
    border = max(1, round(box.stroke_width * factor)) if box.stroke else 0
    draw.rounded_rectangle(
        (left, top, right, bottom), (box.radius + inset) * factor, box.fill, box.stroke or None, border
    )


def _curve(draw: ImageDraw.ImageDraw, curve: Curve, factor: float, shift: float) -> None:
    line = [(x * factor, y * factor - shift) for x, y in flatten(curve)]
    draw.line(line, curve.stroke, max(1, round(curve.width * factor)), joint="curve")


def flatten(curve: Curve) -> list[tuple[float, float]]:
    """The points of a polygon line that follows the cubic pieces."""
    line = [curve.points[0]]
    for i in range(0, len(curve.points) - 3, 3):
        (ax, ay), (bx, by), (cx, cy), (dx, dy) = curve.points[i : i + 4]
        if (ax == bx == cx == dx) or (ay == by == cy == dy):
            line.append((dx, dy))
            continue
        for step in range(1, STEPS + 1):
            t = step / STEPS
            s = 1 - t
            a, b, c, d = s * s * s, 3 * s * s * t, 3 * s * t * t, t * t * t
            line.append((a * ax + b * bx + c * cx + d * dx, a * ay + b * by + c * cy + d * dy))
    return line


def _shape(draw: ImageDraw.ImageDraw, shape: Shape, factor: float, shift: float) -> None:
    draw.polygon([(x * factor, y * factor - shift) for x, y in shape.points], shape.fill)


def _text(draw: ImageDraw.ImageDraw, text: Text, scale: float) -> None:
    halo = round(1.6 * scale) if text.halo else 0
    place = (text.x * scale, text.y * scale)
    anchor = {"start": "lm", "middle": "mm", "end": "rm"}[text.anchor]
    face = font(text.size * scale)
    draw.text(place, text.text, text.fill, face, anchor, stroke_width=halo, stroke_fill=text.halo or None)


DRAWERS = {Box: _box, Curve: _curve, Shape: _shape}
