"""What each layer makes of one image."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from netdef.inference import Classifier
from netdef.report.gallery.answers import GRAY, INK, MARGIN, score
from netdef.report.gallery.evaluation import fill_input
from netdef.report.gallery.rasters import heat, photo, stretched
from netdef.report.scene import Box, Raster, Scene, Text

WIDTH, GAP = 900.0, 5.0
LARGEST, SMALLEST = 64.0, 22.0  # sides of a map
MOST_MAPS = 96
CELL, BARS = 12.0, 20  # a value of a vector; the most that are drawn as bars


@dataclass(frozen=True)
class Stage:
    """A blob after the layers that fill it: ``values`` is ``(C, H, W)`` or ``(count,)``."""

    layers: str
    values: np.ndarray


def stages_of(classifier: Classifier, image: np.ndarray) -> list[Stage]:
    """Run the net on one image, layer by layer; a layer that works in place changes the stage before it."""
    fill_input(classifier, [image])
    net = classifier.net
    found: dict[int, Stage] = {}
    for index, step in enumerate(net.steps):
        net.forward_from_to(index, index)
        if not step.node.path or step.node.type == "Input":
            continue
        for blob_id, blob in zip(step.top_ids, step.top, strict=True):
            before = found.get(blob_id)
            words = f"{step.node.name} ({step.node.type})"
            data = blob.data[0] if blob.data.ndim > 1 else blob.data
            is_image = data.ndim == 3 and data.shape[1] * data.shape[2] > 1
            values = data.copy() if is_image else data.reshape(-1).copy()
            found[blob_id] = Stage(f"{before.layers} · {words}" if before else words, values)
    return list(found.values())


def feature_scene(image: np.ndarray, stages: Sequence[Stage], labels: Sequence[str], title: str) -> Scene:
    """The image, then each stage: maps dark at its least value and light at its greatest; the last vector as bars."""
    scene = Scene(WIDTH + 2 * MARGIN, 0)
    scene.marks += [
        Text(MARGIN, 34, title, 19, INK),
        Text(MARGIN, 58, "Each layer from its least value, dark, to its greatest, light", 13, GRAY),
    ]
    height, width = image.shape[1:]
    side = 112.0
    scene.marks.append(Raster(MARGIN, 78, side * min(1, width / height), side * min(1, height / width), photo(image)))
    y = 78 + side * min(1, height / width) + 26
    for stage in stages:
        is_last = stage is stages[-1] and len(stage.values) == len(labels) <= BARS
        y = _heading(scene, y, stage)
        if stage.values.ndim == 3:
            y = _maps(scene, y, stage.values)
        else:
            y = _bars(scene, y, stage.values, labels) if is_last else _vector(scene, y, stage.values)
    scene.height = y + 2
    return scene


def _heading(scene: Scene, y: float, stage: Stage) -> float:
    shape = " x ".join(map(str, stage.values.shape))
    numbers = f"{shape}, from {stage.values.min():.3g} to {stage.values.max():.3g}"
    scene.marks += [Text(MARGIN, y, stage.layers, 14, INK), Text(MARGIN + WIDTH, y, numbers, 12, GRAY, "end")]
    return y + 16


def _maps(scene: Scene, y: float, maps: np.ndarray) -> float:
    shares = stretched(maps)[:MOST_MAPS]
    per_row = min(len(shares), 12 if len(shares) <= 24 else 24)
    wide = min(max((WIDTH + GAP) / per_row - GAP, SMALLEST), LARGEST)
    high = wide * maps.shape[1] / maps.shape[2]
    for index, share in enumerate(shares):
        row, column = divmod(index, per_row)
        scene.marks.append(Raster(MARGIN + column * (wide + GAP), y + row * (high + GAP), wide, high, heat(share)))
    y += -(-len(shares) // per_row) * (high + GAP)
    if len(maps) > MOST_MAPS:
        scene.marks.append(Text(MARGIN, y + 8, f"and {len(maps) - MOST_MAPS:,} more", 12, GRAY))
        y += 16
    return y + 18


def _vector(scene: Scene, y: float, values: np.ndarray) -> float:
    """One square a value, row by row."""
    per_row = int(WIDTH / CELL)
    shares = stretched(values)[: 12 * per_row]
    rows = -(-len(shares) // per_row)
    for row in range(rows):
        part = shares[row * per_row : (row + 1) * per_row]
        scene.marks.append(Raster(MARGIN, y + row * CELL, len(part) * CELL, CELL, heat(part[None])))
    y += rows * CELL
    if len(values) > len(shares):
        scene.marks.append(Text(MARGIN, y + 12, f"and {len(values) - len(shares):,} more", 12, GRAY))
        y += 16
    return y + 24


def _bars(scene: Scene, y: float, values: np.ndarray, labels: Sequence[str]) -> float:
    shares = stretched(values) if values.min() < 0 or values.max() > 1 else values
    best = int(values.argmax())
    for index, (name, share) in enumerate(zip(labels, shares, strict=True)):
        ink = "#22558f" if index == best else "#a9bdd6"
        middle = y + 9 + 20 * index
        scene.marks += [
            Text(MARGIN + 92, middle, name[:14], 12, INK, "end"),
            Box(MARGIN + 102, middle - 7, max(1.0, float(share) * 560), 14, 2, ink),
            Text(MARGIN + 110 + max(1.0, float(share) * 560), middle, score(values, index), 12, GRAY),
        ]
    return y + 20 * len(labels) + 14
