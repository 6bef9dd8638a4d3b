"""From windows to batches: what the prefetch thread of a WindowData layer does.

Source: Caffe src/caffe/layers/window_data_layer.cpp:255-470 (load_batch).
"""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
from numpy.typing import DTypeLike

from netdef.data.image import check_file, open_image, read_pixels, resize_pixels, to_bytes_image
from netdef.data.loader import Batch
from netdef.data.mean import read_mean
from netdef.data.window_file import BOX, IMAGE, LABEL, Cut, WindowFile, cut_window
from netdef.errors import DataError, LayerError
from netdef.random import Stream
from prototxt import schema


class WindowLoader:
    """Draws windows at random, background first, then objects, and cuts them out of their images.

    Parameters
    ----------
    windows : WindowFile
    fields : WindowDataParameter
    transform : TransformationParameter
        crop_size, mirror, mean_file or mean_value, and scale, which is multiplied with that of ``fields``.
    stream : Stream
    dtype : numpy dtype

    Raises DataError and LayerError.
    """

    restarts = 0  # draws have no end that one could pass

    def __init__(
        self,
        windows: WindowFile,
        fields: schema.WindowDataParameter,
        transform: schema.TransformationParameter,
        stream: Stream,
        dtype: DTypeLike,
    ) -> None:
        self.windows = windows
        self.fields = fields
        self.stream = stream
        self.dtype = np.dtype(dtype)
        self.crop_size = int(transform.crop_size)
        self.mirror = transform.mirror
        self.square = fields.crop_mode == "square"
        self.scale = self.dtype.type(np.float32(fields.scale)) * self.dtype.type(np.float32(transform.scale))
        self.mean = self._read_mean(transform)
        objects = int(np.float32(fields.batch_size) * np.float32(fields.fg_fraction))
        self.parts = ((windows.background, fields.batch_size - objects), (windows.foreground, objects))
        self._cached = [self._read_bytes(name) for name in windows.names] if fields.cache_images else None

    def _read_mean(self, transform) -> np.ndarray:
        """What is subtracted: ``(3, crop_size, crop_size)`` or ``(3, 1, 1)``."""
        size = self.crop_size
        if not transform.HasField("mean_file"):
            values = np.array(list(transform.mean_value) or [0.0], self.dtype)
            if len(values) not in (1, 3):
                raise LayerError(
                    f"has {len(values)} mean_value for images of 3 channels; expected 1 or 3. "
                    "Give one for all channels or one for each.",
                    "transform_param.mean_value",
                )
            return np.broadcast_to(values, (3,)).reshape(3, 1, 1)
        if transform.mean_value:
            raise LayerError(
                "mean_file and mean_value are both given; expected one of them. Take one away.",
                "transform_param.mean_value",
            )
        try:
            mean = read_mean(transform.mean_file).astype(self.dtype)
        except DataError as error:
            error.field = "transform_param.mean_file"
            raise
        offset = (mean.shape[2] - size) // 2  # taken from the width for both axes (window_data_layer.cpp:283)
        if mean.shape[0] != 3 or offset < 0 or mean.shape[1] < offset + size:
            raise LayerError(
                f'mean_file "{transform.mean_file}" has shape {mean.shape}; expected 3 channels and at least crop_size '
                f"{size} pixels to either side. Compute it from such images.",
                "transform_param.mean_file",
            )
        return mean[:, offset : offset + size, offset : offset + size]

    def shapes(self) -> list[tuple[int, ...]]:
        """Shapes of a batch of crops and of its labels."""
        return [(self.fields.batch_size, 3, self.crop_size, self.crop_size), (self.fields.batch_size,)]

    def new_batch(self) -> Batch:
        return Batch(self.fields.batch_size, self.dtype)

    def fill(self, batch: Batch) -> None:
        """Draw as many windows as ``batch`` holds."""
        batch.reshape((3, self.crop_size, self.crop_size))
        batch.data.fill(0)
        row = 0
        for table, count in self.parts:
            for _ in range(count):
                window = table[self.stream.integers(len(table))]
                mirror = self.mirror and self.stream.integers(2) == 1
                self._cut(window, mirror, batch.data[row])
                batch.labels[row] = window[LABEL]
                row += 1
        batch.state = self.state()

    def _cut(self, window: np.ndarray, mirror: bool, top: np.ndarray) -> None:
        """Write one window into ``top``, ``(3, crop_size, crop_size)`` of zeros."""
        image = self._read(int(window[IMAGE]))
        cut = cut_window(window[BOX], image.shape[1:], self.crop_size, self.fields.context_pad, self.square, mirror)
        self._check(cut, window, image)
        pixels = resize_pixels(image[:, cut.y1 : cut.y2, cut.x1 : cut.x2], cut.height, cut.width)
        if mirror:
            pixels = pixels[:, :, ::-1]
        rows = slice(cut.pad_h, cut.pad_h + cut.height)
        columns = slice(cut.pad_w, cut.pad_w + cut.width)
        mean = self.mean if self.mean.shape[1] == 1 else self.mean[:, rows, columns]
        top[:, rows, columns] = (pixels.astype(self.dtype) - mean) * self.scale

    def _check(self, cut: Cut, window: np.ndarray, image: np.ndarray) -> None:
        height, width = image.shape[1:]
        inside = 0 <= cut.y1 < cut.y2 <= height and 0 <= cut.x1 < cut.x2 <= width
        if not inside or cut.height < 1 or cut.width < 1:
            box = tuple(int(value) for value in window[BOX])
            raise DataError(
                f"the window x1 y1 x2 y2 {box} of image {window[IMAGE]}, {self._name(window[IMAGE])}, shows nothing "
                f"of it or reaches beyond it; the image is {width} wide and {height} high. Correct the window file.",
                field="window_data_param.source",
            )

    def _name(self, number: int) -> str:
        return f'"{self.fields.root_folder}{self.windows.names[number]}"'

    def _read(self, number: int) -> np.ndarray:
        """uint8 ``(3, H, W)``, blue first."""
        if self._cached is None:
            return read_pixels(self.fields.root_folder + self.windows.names[number], color=True)
        with open_image(io.BytesIO(self._cached[number]), f"image {self._name(number)}") as image:
            return to_bytes_image(image, force_color=True, force_gray=False)

    def _read_bytes(self, name: str) -> bytes:
        path = Path(self.fields.root_folder + name)
        what = check_file(path)
        try:
            return path.read_bytes()
        except OSError as error:
            raise DataError(f"{what} cannot be read: {error.strerror}. Check its permissions.") from error

    def state(self) -> bytes:
        """The position in the random numbers, which is all there is."""
        return self.stream.state()

    def restore(self, state: bytes) -> None:
        self.stream.restore(state)

    def close(self) -> None:
        """Nothing is kept open."""
