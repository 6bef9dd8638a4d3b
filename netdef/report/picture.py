"""From a definition to a drawing in a file."""

from __future__ import annotations

import io
import os
from collections.abc import Mapping, Sequence

from netdef.errors import NetdefError, UsageError
from netdef.graph import GraphNode, check_wiring, filter_layers
from netdef.report.draw import draw
from netdef.report.scene import Scene
from netdef.report.shapes import shape_net
from prototxt import Document, schema

FORMATS = (".png", ".svg")
MOST_PIXELS = 400_000_000


def net_scene(
    document: Document,
    phase: int | None = None,
    *,
    level: int = 0,
    stages: Sequence[str] = (),
    rankdir: str = "TB",
    with_shapes: bool = True,
    shape: Sequence[int] | Mapping[str, Sequence[int]] | None = None,
) -> tuple[Scene, str]:
    """The drawing of one view of a definition, and why it has no shapes ("" where it has).

    Without a ``phase`` it is the TEST view, or TRAIN where TEST lacks layers. The shapes come from the net
    itself, which is built without opening its data; ``shape`` is the input's where only the data know it.

    Raises: NetError for a view whose layers do not fit together.
    """
    nodes, phase = _view(document, phase, level, stages)
    shapes, parameters, reason = None, None, ""
    if with_shapes:
        try:
            shapes, parameters = _known(shape_net(document, phase, level=level, stages=stages, shape=shape))
        except UsageError:
            raise
        except NetdefError as error:
            reason = error.sentence()
    return _scene(document, nodes, phase, rankdir, shapes, parameters), reason


def _scene(document, nodes: list[GraphNode], phase: int, rankdir: str, shapes, parameters) -> Scene:
    title = document.message.name or os.path.splitext(os.path.basename(document.filename))[0]
    words = [f"{schema.Phase.Name(phase)} phase", f"{len(nodes)} layers"]
    if parameters is not None:
        words.append(f"{sum(parameters.values()):,} parameters")
    return draw(nodes, title=title, subtitle=" · ".join(words), shapes=shapes, parameters=parameters, rankdir=rankdir)


def _view(document, phase: int | None, level: int, stages: Sequence[str]) -> tuple[list[GraphNode], int]:
    for candidate in [schema.TEST, schema.TRAIN] if phase is None else [phase]:
        state = schema.NetState()
        state.CopyFrom(document.message.state)
        state.phase, state.level = candidate, level
        state.stage.extend(stages)
        nodes, _ = filter_layers(document.message.layer, state, document)
        try:
            check_wiring(nodes, document)
        except NetdefError:
            if candidate == schema.TEST and phase is None:
                continue
            raise
        if nodes or phase is not None:
            break
    if not nodes:
        raise NetdefError(f"{document.filename}: there is no layer to draw in this phase, level and stage.")
    return nodes, candidate


def _known(net) -> tuple[dict[str, tuple[int, ...]], dict[str, int]]:
    """The blobs' shapes, and the parameters of each layer that owns some."""
    from netdef.report.connections import owned_values

    counts = {name: count for name, count in owned_values(net).items() if count}
    return {name: tuple(blob.shape) for name, blob in net.blobs.items()}, counts


def save_scene(scene: Scene, path: str, scale: float = 2.0) -> None:
    """Write a scene as PNG or SVG, whole or not at all. Raises: UsageError for another ending or a huge PNG."""
    from netdef.weights.atomic import write_atomically

    write_atomically(path, encode_scene(scene, check_format(path), scale))


def check_format(path: str) -> str:
    """The ending of a picture's name, in small letters."""
    ending = os.path.splitext(path)[1].lower()
    if ending not in FORMATS:
        raise UsageError(f'"{path}" does not end in .png or .svg, which says what to write. Name it so.')
    return ending


def encode_scene(scene: Scene, ending: str, scale: float) -> bytes:
    if ending == ".svg":
        from netdef.report.svg import to_svg

        return to_svg(scene).encode("utf-8")
    from netdef.report.png import to_png

    if scene.width * scene.height * scale * scale > MOST_PIXELS:
        raise UsageError(
            f"the picture would have {scene.width * scale:.0f} x {scene.height * scale:.0f} pixels. "
            "Give a smaller --scale, or write .svg."
        )
    buffer = io.BytesIO()
    to_png(scene, scale).save(buffer, "PNG", optimize=False)
    return buffer.getvalue()
