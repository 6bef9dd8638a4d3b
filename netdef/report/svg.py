"""A scene as SVG text."""

from __future__ import annotations

from base64 import b64encode
from xml.sax.saxutils import escape

from netdef.report.scene import Box, Curve, Raster, Scene, Shape, Text, text_width

FONTS = "Helvetica Neue, Helvetica, Arial, sans-serif"


def to_svg(scene: Scene) -> str:
    """The whole file. Text has the width it was measured with, whatever font the viewer has."""
    size = f'width="{scene.width:g}" height="{scene.height:g}" viewBox="0 0 {scene.width:g} {scene.height:g}"'
    lines = [
        '<?xml version="1.0" encoding="UTF-8"?>',
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} font-family="{FONTS}">',
        f'<rect width="100%" height="100%" fill="{scene.background}"/>',
        *(WRITERS[type(mark)](mark) for mark in scene.marks),
        "</svg>",
    ]
    return "\n".join(lines) + "\n"


def _box(box: Box) -> str:
    border = f' stroke="{box.stroke}" stroke-width="{box.stroke_width:g}"' if box.stroke else ""
    return (
        f'<rect x="{box.x:.1f}" y="{box.y:.1f}" width="{box.width:.1f}" height="{box.height:.1f}" '
        f'rx="{box.radius:g}" fill="{box.fill}"{border}/>'
    )


def _curve(curve: Curve) -> str:
    start, *rest = (f"{x:.1f} {y:.1f}" for x, y in curve.points)
    pieces = " ".join("C" + " ".join(rest[i : i + 3]) for i in range(0, len(rest), 3))
    return (
        f'<path d="M{start} {pieces}" fill="none" stroke="{curve.stroke}" stroke-width="{curve.width:g}" '
        'stroke-linecap="round"/>'
    )


def _shape(shape: Shape) -> str:
    points = " ".join(f"{x:.1f},{y:.1f}" for x, y in shape.points)
    return f'<polygon points="{points}" fill="{shape.fill}"/>'


def _text(text: Text) -> str:
    halo = f' stroke="{text.halo}" stroke-width="3" paint-order="stroke"' if text.halo else ""
    anchor = f' text-anchor="{text.anchor}"' if text.anchor != "start" else ""
    width = text_width(text.text, text.size)
    return (
        f'<text x="{text.x:.1f}" y="{text.y + 0.35 * text.size:.1f}" font-size="{text.size:g}" '
        f'textLength="{width:.1f}" lengthAdjust="spacingAndGlyphs" fill="{text.fill}"{anchor}{halo}>'
        f"{escape(text.text)}</text>"
    )


def _raster(raster: Raster) -> str:
    return (
        f'<image x="{raster.x:.1f}" y="{raster.y:.1f}" width="{raster.width:.1f}" height="{raster.height:.1f}" '
        'preserveAspectRatio="none" style="image-rendering:pixelated" '
        f'href="data:image/png;base64,{b64encode(raster.png).decode()}"/>'
    )


WRITERS = {Box: _box, Curve: _curve, Shape: _shape, Text: _text, Raster: _raster}
