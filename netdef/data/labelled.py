"""Images with labels, one after the other, from whatever holds them: a database, a list of files, MNIST's files."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from netdef.data.database import open_database
from netdef.data.datum import decode_datum
from netdef.data.image import read_pixels
from netdef.data.image_list import read_image_list
from netdef.data.mnist import TEST_IMAGES, TEST_LABELS, check_pair, find_file, read_idx
from netdef.errors import DataError

Labelled = tuple[np.ndarray, int]
_PIECE = 256  # records read at once


@dataclass(frozen=True)
class LabelledSource:
    """``count`` images ``(C, H, W)``, uint8 or float32, colour blue first, each with its label.

    ``read`` begins anew with each call. ``name`` says what it is, for messages.
    """

    name: str
    count: int
    read: Callable[[], Iterator[Labelled]]


def open_labelled(path: str, shape: tuple[int, int, int], root: str = "") -> LabelledSource:
    """The images at ``path`` for a net that takes images of ``shape``.

    An LMDB or LevelDB is read as it is. In a folder with MNIST's files it is the test images, with a border of zeros
    where the net wants larger ones. Else it is a list with a line ``name label`` for each file; ``root`` stands before
    each name as it is, and the images are resized. Raises DataError where there is nothing of these.
    """
    folder = Path(path)
    if not folder.is_dir():
        return _image_list(path, shape, root)
    if find_file(folder, TEST_IMAGES):
        return _mnist(folder, shape)
    with open_database(folder) as database:
        count = database.entries
    return LabelledSource(f'{database.kind} "{path}"', count, lambda: _records(folder))


def _image_list(path: str, shape: tuple[int, int, int], root: str) -> LabelledSource:
    entries = read_image_list(path)
    channels, height, width = shape

    def read() -> Iterator[Labelled]:
        for name, label in entries:
            yield read_pixels(root + name, channels == 3, height, width), label

    return LabelledSource(f'image list "{path}"', len(entries), read)


def _mnist(folder: Path, shape: tuple[int, int, int]) -> LabelledSource:
    images, labels = (read_idx(find_file(folder, name) or folder / name) for name in (TEST_IMAGES, TEST_LABELS))
    check_pair(images, labels)
    borders = [(max(wanted - size, 0) // 2, (max(wanted - size, 0) + 1) // 2)
               for wanted, size in zip(shape[1:], images.shape[1:], strict=True)]  # fmt: skip

    def read() -> Iterator[Labelled]:
        for image, label in zip(images, labels, strict=True):
            yield np.pad(image, borders)[None], int(label)

    return LabelledSource(f'MNIST in "{folder}"', len(images), read)


def _records(folder: Path) -> Iterator[Labelled]:
    with open_database(folder) as database:
        number = 0
        while number < database.entries:
            for record in database.read(min(_PIECE, database.entries - number)):
                try:
                    yield decode_datum(record)
                except DataError as error:
                    error.message = f'record {number} of {database.kind} "{folder}" {error.message}'
                    raise
                number += 1
