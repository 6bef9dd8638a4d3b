"""Image files: read, brought to a net's size, channels and polarity.

Arrays are ``(C, H, W)`` with values 0 to 255, colour in blue, green, red order, as Caffe keeps them.
Sources: Caffe src/caffe/util/io.cpp:74-104 (ReadImageToCVMat), examples/cpp_classification/classification.cpp.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import numpy as np
from PIL import Image, ImageOps

from netdef.data.transformer import DataTransformer
from netdef.errors import DataError, UsageError
from netdef.kernels.resize import resize_linear
from prototxt import schema

WHITE = 255.0
_DEEP_MODES = ("I", "I;16", "I;16B", "I;16L", "I;16N")
_GRAY_WEIGHTS = np.array([9797, 19234, 3737])  # red, green, blue; their sum is 2**15
_DAMAGE = (OSError, SyntaxError, ValueError, EOFError, struct.error)


@contextmanager
def open_image(source: str | os.PathLike[str] | BinaryIO, what: str, gray: bool = False) -> Iterator[Image.Image]:
    """A loaded Pillow image of a path or a binary file; ``what`` names it in errors.

    ``gray`` has a JPEG decoded without its colour.
    Raises DataError where the file is no image, is truncated, or is too big to be meant.
    """
    try:
        with Image.open(source) as image:
            if gray:
                image.draft("L", image.size)
            image.load()
            yield image
    except Image.UnidentifiedImageError as error:
        raise DataError(f"{what} is not an image in a format known here. Convert it to PNG.") from error
    except (Image.DecompressionBombError, MemoryError) as error:
        raise DataError(f"{what} has far more pixels than a net can use. Make it smaller.") from error
    except _DAMAGE as error:
        raise DataError(f"{what} is damaged or cut off. Make or copy it again.") from error


def _channels_first(pixels: np.ndarray) -> np.ndarray:
    """``(H, W)`` or ``(H, W, C)`` as a contiguous ``(C, H, W)``, red and blue exchanged."""
    if pixels.ndim == 2:
        return np.ascontiguousarray(pixels[None])
    planes = pixels.transpose(2, 0, 1)
    order = [2, 1, 0, *range(3, len(planes))]
    return np.ascontiguousarray(planes[order])


def to_bytes_image(image: Image.Image, force_color: bool, force_gray: bool) -> np.ndarray:
    """uint8 ``(C, H, W)`` with the image's own channels (1, 3 or, with alpha, 4), or 3 or 1 where forced.

    Source: Caffe src/caffe/util/io.cpp:166-189.
    """
    deep = image.mode in _DEEP_MODES or image.mode == "F"
    if deep and not (force_color or force_gray):
        raise DataError(
            f"has pixels of more than 8 bits (mode {image.mode}); expected 8 bits a channel. "
            "Convert the images to 8 bits, or set force_color or force_gray in transform_param."
        )
    if deep:
        image = Image.fromarray(_deep_values(image, "").astype(np.uint8))
    if force_gray:
        return _gray(image)[None]
    if force_color:
        image = image.convert("RGB")
    elif image.mode in ("LA", "La", "PA", "RGBa") or (image.mode == "P" and "transparency" in image.info):
        image = image.convert("RGBA")
    elif image.mode == "1":
        image = image.convert("L")
    elif image.mode not in ("L", "RGB", "RGBA"):
        image = image.convert("RGB")
    return _channels_first(np.asarray(image))


def _gray(image: Image.Image) -> np.ndarray:
    """uint8 ``(H, W)``: the gray that libpng makes of colours and Caffe, through OpenCV, feeds its nets."""
    if image.mode == "L":
        return np.array(image)
    pixels = np.asarray(image.convert("RGB")).astype(np.int32)
    return (pixels @ _GRAY_WEIGHTS >> 15).astype(np.uint8)


def _deep_values(image: Image.Image, what: str) -> np.ndarray:
    """16-bit (or 32-bit integer, or float) gray as float32 ``(H, W)``, 0 to 255.

    Raises DataError, ``what`` being its first words, where the numbers go beyond 16 bits or, as floats, beyond 255.
    """
    values = np.asarray(image).astype(np.float32)
    most = 255 if image.mode == "F" else 65535
    if not (values.min() >= 0 and values.max() <= most):  # so that NaN is refused
        found = f"has pixels from {values.min():g} to {values.max():g}; expected 0 to {most}. "
        raise DataError(f"{what} {found}Convert it to 8 or 16 bits.".lstrip())
    return values if image.mode == "F" else values / np.float32(257.0)


def read_image(path: str | Path, color: bool, background: float = WHITE) -> np.ndarray:
    """An image file as float32 ``(3, H, W)``, blue first, or ``(1, H, W)``; values 0 to 255.

    Reads what Pillow reads: gray, colour, palette, 1, 8 and 16 bits. Alpha is laid over ``background``
    (0 black to 255 white). A rotation noted by the camera is applied.

    Raises
    ------
    DataError
        When the file is missing, empty, truncated, or not an image.
    """
    path = Path(path)
    what = check_file(path)
    with open_image(path, what) as image:
        image = ImageOps.exif_transpose(image)
        if image.mode in _DEEP_MODES or image.mode == "F":
            gray = _deep_values(image, what)
            return np.repeat(gray[None], 3, axis=0) if color else gray[None]
        return _channels_first(_flatten(image, color, background))


def check_file(path: Path) -> str:
    """How errors name the image at ``path``; DataError where no file with contents is there."""
    what = f'image "{path}"'
    if not path.exists():
        raise DataError(f"{what} does not exist. Correct the path.")
    if path.is_dir():
        raise DataError(f"{what} is a folder; expected an image file. Name the files in it.")
    if path.stat().st_size == 0:
        raise DataError(f"{what} is empty (0 bytes). Make or copy it again.")
    return what


def read_pixels(path: str | Path, color: bool, height: int = 0, width: int = 0) -> np.ndarray:
    """An image file as Caffe's data layers read it: uint8 ``(3, H, W)``, blue first, or ``(1, H, W)``.

    Alpha is dropped, a rotation noted by the camera applied. With ``height`` and ``width`` the image is resized,
    by two linear taps to an axis (`netdef.kernels.resize`). Raises DataError as `read_image` does.
    Source: Caffe src/caffe/util/io.cpp:74-104.
    """
    path = Path(path)
    what = check_file(path)
    with open_image(path, what, gray=not color) as image:
        pixels = to_bytes_image(ImageOps.exif_transpose(image), color, not color)
    return resize_pixels(pixels, height, width) if height and width else pixels


def resize_pixels(pixels: np.ndarray, height: int, width: int) -> np.ndarray:
    """uint8 ``(C, H, W)`` in another size, by linear interpolation."""
    if pixels.shape[1:] == (height, width):
        return pixels
    top = np.empty((len(pixels), height, width), np.uint8)
    resize_linear(np.ascontiguousarray(pixels), np.empty((2, width), np.int64), top)
    return top


def _flatten(image: Image.Image, color: bool, background: float) -> np.ndarray:
    """float32 pixels ``(H, W, 3)`` or ``(H, W)`` of an 8-bit image, its alpha laid over ``background``."""
    mode = "RGB" if color else "L"
    if not image.has_transparency_data:
        return np.asarray(image.convert(mode), np.float32)
    image = image.convert("RGBA")
    alpha = np.asarray(image.getchannel("A"), np.float32) / np.float32(255.0)
    if color:
        alpha = alpha[..., None]
    pixels = np.asarray(image.convert(mode), np.float32)
    return pixels * alpha + np.float32(background) * (1 - alpha)


def resize(image: np.ndarray, height: int, width: int) -> np.ndarray:
    """A float32 ``(C, H, W)`` image in another size: Lanczos filter, widened when shrinking; values stay in 0..255."""
    if image.shape[1:] == (height, width):
        return image
    planes = [Image.fromarray(plane).resize((width, height), Image.Resampling.LANCZOS) for plane in image]
    return np.clip(np.stack([np.asarray(plane) for plane in planes]), 0, 255).astype(np.float32)


def has_light_border(image: np.ndarray) -> bool:
    """Whether the outermost ring of pixels of a ``(C, H, W)`` image is light: its median is above 127.5."""
    gray = image.mean(axis=0)
    ring = np.concatenate([gray[0], gray[-1], gray[1:-1, 0], gray[1:-1, -1]])
    return float(np.median(ring)) > 127.5


def prepare_image(
    path: str | Path,
    channels: int,
    height: int,
    width: int,
    invert: str = "auto",
    transform_param: schema.TransformationParameter | None = None,
) -> np.ndarray:
    """An image file as a net's input: float32 ``(channels, height, width)``, transformed as in the TEST phase.

    Parameters
    ----------
    path : path
        Anything that `read_image` reads.
    channels, height, width : int
        The input's axes after the batch. 1 channel makes the image gray, 3 make it colour (blue first).
    invert : "auto", "yes" or "no"
        ``"yes"`` turns light into dark before the transform. ``"auto"`` does so for nets of 1 channel when the
        outermost ring of pixels is light (its median is above 127.5): ink on paper becomes the white on
        black that MNIST's nets learned. Colour images are never inverted by ``"auto"``.
    transform_param : TransformationParameter, optional
        scale, mean and the like, as in training. The image is resized to ``(height, width)``; where the
        ``mean_file`` is larger than that, to the mean's size, and the centre is cropped.

    Raises
    ------
    DataError
        When the file cannot be read or the number of channels is neither 1 nor 3.
    UsageError
        When ``invert`` is another word.
    """
    if invert not in ("auto", "yes", "no"):
        raise UsageError(f'invert is "{invert}"; expected auto, yes or no. Choose one of them.')
    if channels not in (1, 3):
        raise DataError(
            f"the net's input has {channels} channels; an image gives 1 (gray) or 3 (colour). "
            "Feed such a net arrays instead of images."
        )
    transform = schema.TransformationParameter()
    if transform_param is not None:
        transform.CopyFrom(transform_param)
    transform.mirror = False
    if height == width:
        transform.crop_size = height
    else:
        transform.ClearField("crop_size")
    transformer = DataTransformer(transform, schema.TEST, None)
    image = read_image(path, color=channels == 3)
    if invert == "yes" or (invert == "auto" and channels == 1 and has_light_border(image)):
        image = np.float32(255.0) - image
    image = resize(image, *transformer.image_size(height, width))
    top = np.empty((1, channels, height, width), np.float32)
    transformer.transform([image], top)
    return top[0]
