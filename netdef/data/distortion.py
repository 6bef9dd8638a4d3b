"""Colours changed at random. Source: SSD's Caffe, src/caffe/util/im_transforms.cpp (ApplyDistort)."""

from __future__ import annotations

import numpy as np
from google.protobuf.message import Message

from netdef.random import Stream


def distort(image: np.ndarray, fields: Message, stream: Stream) -> np.ndarray:
    """``image``, uint8 ``(C, H, W)``, blue first, with brightness, contrast, saturation, hue and order drawn anew.

    Each step comes with its probability of DistortionParameter; contrast stands before saturation or after hue with
    equal chance. Images that are not of 3 channels keep saturation and hue.
    """
    steps = [brighten, saturate, turn_hue]
    steps.insert(1 if stream.uniform() > 0.5 else 3, change_contrast)
    for step in [*steps, exchange]:
        image = step(image, fields, stream)
    return image


def to_bytes(values: np.ndarray) -> np.ndarray:
    """Rounded and held between 0 and 255."""
    return np.rint(values).clip(0, 255).astype(np.uint8)


def brighten(image: np.ndarray, fields: Message, stream: Stream) -> np.ndarray:
    """Add up to brightness_delta."""
    if not stream.uniform() < fields.brightness_prob:
        return image
    return to_bytes(image + (2 * stream.uniform() - 1) * fields.brightness_delta)


def change_contrast(image: np.ndarray, fields: Message, stream: Stream) -> np.ndarray:
    """Multiply by a factor."""
    if not stream.uniform() < fields.contrast_prob:
        return image
    factor = fields.contrast_lower + stream.uniform() * (fields.contrast_upper - fields.contrast_lower)
    return to_bytes(image * factor)


def saturate(image: np.ndarray, fields: Message, stream: Stream) -> np.ndarray:
    """Multiply the saturation, ``1 - min / max`` of a pixel, by a factor; it stays at most 1."""
    if not stream.uniform() < fields.saturation_prob or len(image) != 3:
        return image
    factor = fields.saturation_lower + stream.uniform() * (fields.saturation_upper - fields.saturation_lower)
    pixels = image.astype(np.float64)
    most = pixels.max(axis=0)
    spread = np.maximum(most - pixels.min(axis=0), 1e-9)
    return to_bytes(most - (most - pixels) * np.minimum(factor, most / spread))


def turn_hue(image: np.ndarray, fields: Message, stream: Stream) -> np.ndarray:
    """Add up to hue_delta to the hue, which 180 take once around."""
    if not stream.uniform() < fields.hue_prob or len(image) != 3:
        return image
    delta = (2 * stream.uniform() - 1) * fields.hue_delta / 30
    blue, green, red = pixels = image.astype(np.float64)
    most = pixels.max(axis=0)
    spread = most - pixels.min(axis=0)
    safe = np.maximum(spread, 1e-9)
    sixths = np.select(
        [most == red, most == green], [(green - blue) / safe, 2 + (blue - red) / safe], 4 + (red - green) / safe
    )
    turned = []
    for channel in (1, 3, 5):  # blue, green, red
        place = (channel + sixths + delta) % 6
        turned.append(most - spread * np.minimum(place, 4 - place).clip(0, 1))
    return to_bytes(np.stack(turned))


def exchange(image: np.ndarray, fields: Message, stream: Stream) -> np.ndarray:
    """Put the channels into a random order."""
    if not stream.uniform() < fields.random_order_prob:
        return image
    return np.ascontiguousarray(image[stream.generator().permutation(len(image))])
