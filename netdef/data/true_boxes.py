"""True boxes of objects on an image, and what becomes of them when it is cropped or resized.

Boxes are float32 rows ``(G, 4)`` xmin, ymin, xmax, ymax, in shares of the image's width and height; the arithmetic is
float32, as in SSD's Caffe, src/caffe/util/bbox_util.cpp, im_transforms.cpp, sampler.cpp.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from google.protobuf.message import Message

from netdef.random import Stream
from prototxt import schema

RESIZE = schema.ResizeParameter
UNIT = np.array([0, 0, 1, 1], np.float32)


def sizes(boxes: np.ndarray) -> np.ndarray:
    """Width times height of each of ``(G, 4)`` boxes, 0 where one is turned inside out."""
    width, height = boxes[:, 2] - boxes[:, 0], boxes[:, 3] - boxes[:, 1]
    return np.where((width < 0) | (height < 0), np.float32(0), width * height)


def shared_sizes(boxes: np.ndarray, crop: np.ndarray) -> np.ndarray:
    """Area that each box has in common with ``crop``, ``(4,)``."""
    least, most = np.maximum(boxes[:, :2], crop[:2]), np.minimum(boxes[:, 2:], crop[2:])
    return np.where((most > least).all(axis=1), np.prod(most - least, axis=1), np.float32(0))


def project(boxes: np.ndarray, crop: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """``boxes`` in shares of ``crop``, cut at its border, and which of them lie in it (bbox_util.cpp, ProjectBBox)."""
    apart = (boxes[:, :2] >= crop[2:]).any(axis=1) | (boxes[:, 2:] <= crop[:2]).any(axis=1)
    size = np.tile(crop[2:] - crop[:2], 2)
    projected = ((boxes - np.tile(crop[:2], 2)) / size).clip(0, 1).astype(np.float32)
    return projected, ~apart & (sizes(projected) > 0)


def emitted(boxes: np.ndarray, crop: np.ndarray, constraint: Message) -> np.ndarray:
    """Which boxes an EmitConstraint lets stay when the image is cut to ``crop``."""
    if constraint.emit_type == schema.EmitConstraint.CENTER:
        middle = (boxes[:, :2] + boxes[:, 2:]) / np.float32(2)
        return ((middle >= crop[:2]) & (middle <= crop[2:])).all(axis=1)
    own = sizes(boxes)
    covered = np.divide(shared_sizes(boxes, crop), own, out=np.zeros_like(own), where=own > 0)
    return covered > np.float32(constraint.emit_overlap)


def resized(boxes: np.ndarray, fields: Message, height: int, width: int) -> np.ndarray:
    """``boxes`` after an image of ``height`` and ``width`` was resized (UpdateBBoxByResizePolicy)."""
    number = np.float32
    old = np.array([width, height], number)
    new = np.array([fields.width, fields.height], number)
    padding = np.zeros(2, number)
    aspect, wanted = old[0] / old[1], new[0] / new[1]
    if fields.resize_mode == RESIZE.FIT_LARGE_SIZE_AND_PAD:
        axis = int(aspect > wanted)
        inner = new[0] / aspect if axis else aspect * new[1]
        padding[axis] = (new[axis] - inner) / number(2)
    elif fields.resize_mode == RESIZE.FIT_SMALL_SIZE:
        axis = int(aspect < wanted)
        new[axis] = new[0] / aspect if axis else aspect * new[1]
    pixels = boxes.reshape(-1, 2, 2) * old * (new - number(2) * padding) / old
    pixels[:, 0] = np.maximum(pixels[:, 0], number(0))
    pixels[:, 1] = np.minimum(pixels[:, 1], new)
    return ((pixels + padding) / new).reshape(-1, 4)


def draw_crop(sampler: Message, stream: Stream) -> np.ndarray:
    """A crop of random size, shape and place (sampler.cpp, SampleBBox), float32 ``(4,)``; four draws of ``stream``."""

    def between(least, most):
        return least + stream.uniform() * (most - least)

    scale = between(sampler.min_scale, sampler.max_scale)
    ratio = between(sampler.min_aspect_ratio, sampler.max_aspect_ratio)
    ratio = min(max(ratio, scale**2), 1 / scale**2)
    size = np.array([scale * ratio**0.5, scale / ratio**0.5])
    place = np.array([between(0, 1 - size[0]), between(0, 1 - size[1])])
    return np.concatenate([place, place + size]).astype(np.float32)


def satisfies(crop: np.ndarray, boxes: np.ndarray, constraint: Message) -> bool:
    """Whether ``crop`` keeps all that ``constraint`` asks for with one of the boxes (sampler.cpp)."""
    limits = ("jaccard_overlap", "sample_coverage", "object_coverage")
    given = [name for name in limits for end in ("min", "max") if constraint.HasField(f"{end}_{name}")]
    if not given:
        return True
    shared, own, size = shared_sizes(boxes, crop), sizes(boxes), sizes(crop[None])
    values = {"jaccard_overlap": own + size - shared, "sample_coverage": size + 0 * own, "object_coverage": own}
    good = np.ones(len(boxes), bool)
    for name in given:
        share = np.divide(shared, values[name], out=np.zeros_like(shared), where=values[name] > 0)
        if constraint.HasField(f"min_{name}"):
            good &= share >= np.float32(getattr(constraint, f"min_{name}"))
        if constraint.HasField(f"max_{name}"):
            good &= share <= np.float32(getattr(constraint, f"max_{name}"))
    return bool(good.any())


def draw_crops(samplers: Iterable[Message], boxes: np.ndarray, stream: Stream) -> list[np.ndarray]:
    """The crops that the BatchSamplers find for an image with ``boxes`` (sampler.cpp, GenerateBatchSamples)."""
    crops = []
    for fields in samplers:
        found = 0
        for _ in range(fields.max_trials if fields.use_original_image else 0):
            if fields.HasField("max_sample") and found >= fields.max_sample:
                break
            crop = draw_crop(fields.sampler, stream)
            if satisfies(crop, boxes, fields.sample_constraint):
                crops.append(crop)
                found += 1
    return crops
