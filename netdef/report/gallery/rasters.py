"""Arrays as small pictures, encoded as PNG."""

from __future__ import annotations

import io

import numpy as np

# From the least value to the greatest: lightness grows evenly, so that it can be read without colours too.
_RAMP = np.array([(13, 8, 45), (82, 22, 120), (176, 50, 110), (240, 112, 74), (252, 198, 110), (252, 253, 214)])
_NEGATIVE, _ZERO, _POSITIVE = np.array([(33, 84, 155), (250, 250, 250), (178, 34, 45)])


def encode(pixels: np.ndarray) -> bytes:
    """uint8 ``(H, W)`` or ``(H, W, 3)``, red first, as a PNG."""
    from PIL import Image

    png = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(pixels)).save(png, "PNG")
    return png.getvalue()


def photo(image: np.ndarray) -> bytes:
    """An image ``(C, H, W)``: 3 channels are blue, green and red; of any other number the first is shown.

    uint8 is shown as it is; other values are stretched, the least to black and the greatest to white.
    """
    if image.dtype != np.uint8:
        image = np.rint(255 * stretched(image)).astype(np.uint8)
    return encode(image[::-1].transpose(1, 2, 0) if len(image) == 3 else image[0])


def stretched(values: np.ndarray) -> np.ndarray:
    """``values`` from 0, the least of them, to 1, the greatest; all 0 where they are equal or not finite."""
    values = np.nan_to_num(np.asarray(values, np.float64), posinf=0.0, neginf=0.0)
    low, high = values.min(), values.max()
    return (values - low) / (high - low) if high > low else np.zeros_like(values)


def heat(shares: np.ndarray) -> bytes:
    """Values from 0 to 1, ``(H, W)``, dark to light."""
    places = np.clip(shares, 0, 1) * (len(_RAMP) - 1)
    pixels = np.stack([np.interp(places, range(len(_RAMP)), channel) for channel in _RAMP.T], axis=-1)
    return encode(np.rint(pixels).astype(np.uint8))


def signed(values: np.ndarray, limit: float) -> bytes:
    """Values ``(H, W)`` from ``-limit``, blue, over 0, white, to ``limit``, red."""
    shares = np.clip(values / limit if limit > 0 else np.zeros_like(values), -1, 1)[..., None]
    ends = np.where(shares < 0, _NEGATIVE, _POSITIVE)
    return encode(np.rint(_ZERO + np.abs(shares) * (ends - _ZERO)).astype(np.uint8))


def mixed(low: str, high: str, share: float) -> str:
    """The colour between two, ``#rrggbb``, at ``share`` of the way."""
    ends = [[int(colour[place : place + 2], 16) for place in (1, 3, 5)] for colour in (low, high)]
    return "#" + "".join(f"{round(a + (b - a) * min(max(share, 0.0), 1.0)):02x}" for a, b in zip(*ends, strict=True))
