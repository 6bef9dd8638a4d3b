"""From a list of image files to batches: what the prefetch thread of an ImageData layer does.

Source: Caffe src/caffe/layers/image_data_layer.cpp.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from netdef.data.image import read_pixels
from netdef.data.loader import Batch
from netdef.data.order import ReadingOrder
from netdef.data.transformer import DataTransformer
from netdef.errors import DataError

STREAM_STATE = 16  # bytes of a `Stream.state`


def read_lines(path: str | Path, what: str) -> list[str]:
    """The lines of a text file; ``what`` names it in errors: ``image list``.

    Bytes that are no UTF-8 are kept as they are, for a file's name may hold any. Raises DataError.
    """
    if not str(path):
        raise DataError(f"source is missing; expected the name of the {what}. Add source.")
    try:
        text = Path(path).read_text(encoding="utf-8", errors="surrogateescape")
    except IsADirectoryError as error:
        raise DataError(f'{what} "{path}" is a folder; expected a text file. Name the file.') from error
    except FileNotFoundError as error:
        raise DataError(f'{what} "{path}" does not exist. Create it or correct the path.') from error
    except OSError as error:
        raise DataError(f'{what} "{path}" cannot be read: {error.strerror}. Correct the path.') from error
    return text.split("\n")


def read_image_list(path: str | Path) -> list[tuple[str, int]]:
    """Names and labels of a list with a line ``name label`` for each image (image_data_layer.cpp:38-48).

    The label is what stands after the last blank, so that names may hold blanks. Empty lines are passed over.
    Raises DataError with the number of the line.
    """
    found = []
    for number, line in enumerate(read_lines(path, "image list"), 1):
        line = line.strip(" \r\t")
        if not line:
            continue
        name, blank, label = line.rpartition(" ")
        if not blank:
            raise DataError(
                f'line {number} of image list "{path}" is "{line}"; expected a name, a blank and a label. '
                "Add the label."
            )
        found.append((name, _label(label, number, path)))
    if not found:
        raise DataError(f'image list "{path}" is empty; expected a line "name label" for each image. Fill it.')
    return found


def _label(text: str, number: int, path: str | Path) -> int:
    try:
        return int(text)
    except ValueError:
        raise DataError(
            f'line {number} of image list "{path}" has the label "{text}"; expected a whole number. Correct the line.'
        ) from None


class ImageListLoader:
    """Reads the image files of a list and fills batches with them.

    ``new_size`` is the (height, width) to which images are resized, (0, 0) to leave them as they are; ``color`` says
    whether they get 3 channels or 1; ``root`` is put before each name as it is, without a separator.
    """

    def __init__(
        self,
        entries: list[tuple[str, int]],
        transformer: DataTransformer,
        batch_size: int,
        shuffle: bool = False,
        root: str = "",
        new_size: tuple[int, int] = (0, 0),
        color: bool = True,
    ) -> None:
        self.entries = entries
        self.transformer = transformer
        self.batch_size = batch_size
        self.order = ReadingOrder(len(entries), shuffle, transformer.stream)
        self.root = root
        self.new_size = new_size
        self.color = color

    @property
    def restarts(self) -> int:
        return self.order.restarts

    def shapes(self) -> list[tuple[int, ...]]:
        """Shapes of a batch of images, as the first image has it, and of its labels."""
        shape = self.transformer.output_shape(self._read(self.order.current()).shape)
        return [(self.batch_size, *shape), (self.batch_size,)]

    def new_batch(self) -> Batch:
        return Batch(self.batch_size, self.transformer.dtype)

    def fill(self, batch: Batch) -> None:
        """Read as many images as ``batch`` holds and transform them into it; the first decides its shape."""
        for row in range(self.batch_size):
            item = self.order.next()
            image = self._read(item)
            shape = self.transformer.output_shape(image.shape)
            if row == 0:
                batch.reshape(shape)
            self.check_shape(item, shape, batch.data)
            self.transformer.transform([image], batch.data[row : row + 1])
            batch.labels[row] = self.entries[item][1]
        batch.state = self.state()
        batch.restarts = self.restarts

    def check_shape(self, item: int, shape: tuple[int, int, int], top: np.ndarray) -> None:
        """DataError where ``shape`` is not that of the batch in ``top``, which its first image had."""
        if shape != top.shape[1:]:
            raise DataError(
                f'image "{self.root}{self.entries[item][0]}" becomes {shape} (channels, height, width); '
                f"{top.shape[1:]} was expected, as for the first of its batch. "
                "Set new_height and new_width, set crop_size, or use batch_size: 1."
            )

    def _read(self, item: int) -> np.ndarray:
        return read_pixels(self.root + self.entries[item][0], self.color, *self.new_size)

    def state(self) -> bytes:
        """Position and random counter, for an exact `restore`."""
        return self.transformer.stream.state() + self.order.state()

    def restore(self, state: bytes) -> None:
        """Go on from a `state`; DataError where the list is another one."""
        self.order.restore(state[STREAM_STATE:], "the image list")
        self.transformer.stream.restore(state[:STREAM_STATE])

    def close(self) -> None:
        """Nothing is kept open."""
