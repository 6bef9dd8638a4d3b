"""Darknet's weights files: a header, then float32 values, section by section in the order of the cfg.

The header has int32 major, minor, revision and the number of images seen, of 8 bytes from version 0.2 on and of 4
before. A convolutional or connected section has biases, weights and, if normalized, scales, means and variances; where
the convolution is normalized these stand before its weights. Source: Darknet src/parser.c (load_weights_upto and what
it calls).
"""

from __future__ import annotations

import os
import struct
from dataclasses import dataclass
from math import prod

import numpy as np

from netdef.errors import Location, WeightsError
from netdef.importers.darknet.net import Learned
from netdef.weights.files import read_file, resembles

_OLD = 1000  # a major or minor version above it tells that connected weights are transposed
_ROLLED = 100.0  # 1 / (1 - moving_average_fraction), so that Caffe's average goes on as Darknet's


@dataclass
class Values:
    """What a weights file holds: blobs by layer, how many images were seen, and which sections it does not reach."""

    blobs: dict[str, list[np.ndarray]]
    seen: int
    missing: list[Learned]


class _Reader:
    """The values behind the header, taken from front to back."""

    def __init__(self, path: str) -> None:
        content = read_file(path, "a Darknet weights file")
        self.path = path
        if len(content) < 16 or resembles(content):
            found = resembles(content) or f"{len(content)} bytes"
            raise self.error(f"holds {found}; expected a Darknet weights file.")
        major, minor, _ = struct.unpack_from("<3i", content)
        wide = major * 10 + minor >= 2 and major < _OLD and minor < _OLD
        if not (0 <= major and 0 <= minor) or (wide and len(content) < 20):
            raise self.error(f"has version {major}.{minor}; expected a Darknet weights file.")
        (self.seen,) = struct.unpack_from("<q" if wide else "<i", content, 12)
        self.transposed = major > _OLD or minor > _OLD
        start = 20 if wide else 16
        if (len(content) - start) % 4:
            raise self.error(
                f"has {len(content) - start} bytes behind its header, which are no whole number of values of 4 bytes. "
                "It was probably cut off; copy it again."
            )
        self.values = np.frombuffer(content, "<f4", offset=start)
        self.position = 0

    def error(self, message: str) -> WeightsError:
        return WeightsError(message, location=Location(self.path))

    def left(self) -> int:
        return self.values.size - self.position

    def take(self, *shape: int) -> np.ndarray:
        first, self.position = self.position, self.position + prod(shape)
        return self.values[first : self.position].astype(np.float32).reshape(shape)


def read_weights(path: str | os.PathLike[str], learned: list[Learned], bgr: bool = False) -> Values:
    """The blobs of the layers in ``learned``, in Caffe's form.

    A file may end between two sections, as those that hold only the first layers of a net do. ``bgr``: turn the
    channels of the convolution that reads the image from red, green, blue to blue, green, red.

    Raises: WeightsError for a file that is none, ends within a section or has more than the net takes.
    """
    reader = _Reader(os.fspath(path))
    loaded = [item for item in learned if not item.section.flag("dontload")]
    biased = _has_norm_biases(loaded, reader.left())
    values = Values({}, reader.seen, [])
    for number, item in enumerate(loaded):
        needed, left = _count(item, biased), reader.left()
        if left == 0:
            values.missing = loaded[number:]
            break
        if left < needed:
            raise reader.error(
                f"ends within {_describe(item)}, which needs {needed} values and finds {left}. Take the weights of "
                "this cfg, whole."
            )
        values.blobs.update(_read(reader, item, biased, bgr))
    if reader.left():
        total = sum(_count(item, biased) for item in loaded)
        raise reader.error(f"holds {reader.values.size} values; this cfg takes {total}. Take the weights of this cfg.")
    return values


def _has_norm_biases(learned: list[Learned], found: int) -> bool:
    """Whether [batchnorm] sections have biases: AlexeyAB's files do, pjreddie's do not; the size of the file tells."""
    return sum(_count(item, False) for item in learned) != found


def _count(item: Learned, biased: bool) -> int:
    outputs = item.shape[0]
    if item.kind == "batchnorm":
        return outputs * (4 if biased else 3)
    return prod(item.shape) + outputs * (4 if _reads_norm(item) else 1)


def _reads_norm(item: Learned) -> bool:
    return bool(item.norm) and not item.section.flag("dontloadscales")


def _describe(item: Learned) -> str:
    return f"[{item.section.name}] of {item.section.location}"


def _read(reader: _Reader, item: Learned, biased: bool, bgr: bool) -> dict[str, list[np.ndarray]]:
    outputs = item.shape[0]
    if item.kind == "batchnorm":
        biases = reader.take(outputs) if biased else np.zeros(outputs, np.float32)
        return _norm(item, biases, *(reader.take(outputs) for _ in range(3)))
    biases, norm = reader.take(outputs), []
    if item.kind == "convolutional":
        norm = [reader.take(outputs) for _ in range(3)] if _reads_norm(item) else []
        weights = _filters(reader, item)
        weights = weights[:, ::-1] if bgr and item.reads_image else weights
    else:
        weights = reader.take(*(item.shape[::-1] if reader.transposed else item.shape))
        weights = weights.T if reader.transposed else weights
        norm = [reader.take(outputs) for _ in range(3)] if _reads_norm(item) else []
    if not item.norm:
        return {item.name: [weights, biases]}
    fresh = [np.ones(outputs, np.float32), np.zeros(outputs, np.float32), np.ones(outputs, np.float32)]
    return {item.name: [weights], **_norm(item, biases, *(norm or fresh))}


def _filters(reader: _Reader, item: Learned) -> np.ndarray:
    if not item.section.flag("flipped"):
        return reader.take(*item.shape)
    return reader.take(prod(item.shape[1:]), item.shape[0]).T.reshape(item.shape)


def _norm(
    item: Learned, biases: np.ndarray, scales: np.ndarray, mean: np.ndarray, variance: np.ndarray
) -> dict[str, list[np.ndarray]]:
    """Blobs of BatchNorm, whose sums are divided by its third, and of Scale."""
    weight = np.float32(_ROLLED)
    return {
        item.norm: [mean * weight, variance * weight, np.full(1, weight, np.float32)],
        item.scale: [scales, biases],
    }
