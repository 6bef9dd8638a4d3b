"""From a list of HDF5 files to batches: what the prefetch thread of an HDF5Data layer does.

Source: Caffe src/caffe/layers/hdf5_data_layer.cpp, src/caffe/util/hdf5.cpp:9-92.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import DTypeLike

from netdef.data.image_list import STREAM_STATE, read_lines
from netdef.data.order import ReadingOrder
from netdef.data.transformer import DataTransformer
from netdef.errors import DataError, LayerError
from netdef.random import Stream

if TYPE_CHECKING:
    import h5py


def read_file_list(path: str | Path) -> list[str]:
    """Names of files, separated by blanks or ends of lines; DataError where there is none."""
    names = " ".join(read_lines(path, "list of HDF5 files")).split()
    if not names:
        raise DataError(f'list of HDF5 files "{path}" is empty; expected a file\'s name on each line. Fill it.')
    return names


def read_datasets(path: str, names: Sequence[str], dtype: DTypeLike) -> list[np.ndarray]:
    """The datasets ``names`` of an HDF5 file, which have equally many rows; DataError where they are unfit."""
    import h5py  # 11 MB of memory, which few nets need

    if not Path(path).exists():
        raise DataError(f'HDF5 file "{path}" does not exist. Correct its name in the list.')
    try:
        with h5py.File(path, "r") as file:
            arrays = [_read_dataset(file, path, name, dtype) for name in names]
    except (OSError, RuntimeError, KeyError, ValueError, TypeError, MemoryError) as error:  # h5py's, of any damage
        raise DataError(f'HDF5 file "{path}" cannot be read: it is damaged or no HDF5. Make it again.') from error
    for name, array in zip(names, arrays):
        if len(array) != len(arrays[0]):
            raise DataError(
                f'HDF5 file "{path}" has {len(arrays[0])} rows in "{names[0]}" and {len(array)} in "{name}"; '
                "the numbers must agree. Make the file again."
            )
    return arrays


def _read_dataset(file: h5py.File, path: str, name: str, dtype) -> np.ndarray:
    import h5py

    found = file.get(name)
    if not isinstance(found, h5py.Dataset):
        known = ", ".join(f'"{key}"' for key, item in file.items() if isinstance(item, h5py.Dataset))
        raise DataError(
            f'HDF5 file "{path}" has no dataset "{name}"; each top names one. It has {known or "none"}. '
            "Rename the top or the dataset."
        )
    if found.dtype.kind not in "iuf":
        raise DataError(
            f'dataset "{name}" of HDF5 file "{path}" holds {found.dtype}; expected whole numbers or floats. Convert it.'
        )
    if not found.shape or not found.shape[0]:
        raise DataError(
            f'dataset "{name}" of HDF5 file "{path}" has shape {found.shape}; expected rows on a first axis. '
            "Give it at least one."
        )
    return found[...].astype(dtype, copy=False)


class RowBatch:
    """Arrays of rows, one for each top. Attributes as of `netdef.data.loader.Batch`."""

    def __init__(self, shapes: list[tuple[int, ...]], dtype: DTypeLike) -> None:
        self.tops = [np.zeros(shape, dtype) for shape in shapes]
        self.state = b""
        self.restarts = 0


class Hdf5ListLoader:
    """Reads the rows of the files of a list; one file is held in memory at a time.

    ``shuffle`` changes the order of files and of the rows within each file, anew in each epoch. The rows of
    ``datasets[0]`` go through ``transformer`` where there is one.
    """

    def __init__(
        self,
        names: list[str],
        datasets: list[str],
        batch_size: int,
        shuffle: bool,
        stream: Stream,
        dtype: DTypeLike,
        transformer: DataTransformer | None,
    ) -> None:
        self.names = names
        self.datasets = datasets
        self.batch_size = batch_size
        self.shuffle = shuffle
        self.stream = stream
        self.dtype = dtype
        self.transformer = transformer
        self.files = ReadingOrder(len(names), shuffle, stream)
        self._file = -1
        self._arrays: list[np.ndarray] = []
        self._row_shapes: list[tuple[int, ...]] = []
        self._open(self.files.next())

    @property
    def restarts(self) -> int:
        return self.files.restarts

    def shapes(self) -> list[tuple[int, ...]]:
        """Shapes of a batch of each dataset."""
        rows = list(self._row_shapes)
        if self.transformer is not None:
            becomes = self.transformer.output_shape(image_shape(rows[0]))
            rows[0] = becomes if self._resizes(rows[0]) else rows[0]
        return [(self.batch_size, *shape) for shape in rows]

    def _resizes(self, shape: tuple[int, ...]) -> bool:
        name = "crop_size" if self.transformer.crop_size else "pad"
        if self.transformer.resizes and len(shape) != 3:
            raise LayerError(
                f'{name} is set, but rows of dataset "{self.datasets[0]}" have shape {shape}; expected images, '
                f"(channels, height, width). Take {name} away.",
                f"transform_param.{name}",
            )
        return self.transformer.resizes

    def new_batch(self) -> RowBatch:
        return RowBatch(self.shapes(), self.dtype)

    def fill(self, batch: RowBatch) -> None:
        """Read as many rows as ``batch`` holds, over the ends of files."""
        done = 0
        while done < self.batch_size:
            if self.rows.position == self.rows.count:
                self._open(self.files.next())
            count = min(self.batch_size - done, self.rows.count - self.rows.position)
            chosen = [self.rows.next() for _ in range(count)]
            for index, (array, top) in enumerate(zip(self._arrays, batch.tops)):
                self._copy(array[chosen], top[done : done + count], index)
            done += count
        batch.state = self.state()
        batch.restarts = self.restarts

    def _copy(self, rows: np.ndarray, top: np.ndarray, index: int) -> None:
        if index > 0 or self.transformer is None:
            top[...] = rows
            return
        images = rows.reshape(len(rows), *image_shape(rows.shape[1:]))
        becomes = self.transformer.output_shape(images.shape[1:])
        self.transformer.transform(images, top.reshape(len(rows), *becomes))

    def _open(self, file: int) -> None:
        """Hold the rows of a file, in a new order; DataError where they have not the first file's shapes."""
        if file != self._file:
            arrays = read_datasets(self.names[file], self.datasets, self.dtype)
            self._check_shapes(self.names[file], arrays)
            self._arrays, self._file = arrays, file
        self.rows = ReadingOrder(len(self._arrays[0]), self.shuffle, self.stream)

    def _check_shapes(self, name: str, arrays: list[np.ndarray]) -> None:
        shapes = [array.shape[1:] for array in arrays]
        self._row_shapes = self._row_shapes or shapes
        for dataset, found, expected in zip(self.datasets, shapes, self._row_shapes):
            if found != expected:
                raise DataError(
                    f'rows of dataset "{dataset}" have shape {found} in HDF5 file "{name}"; {expected} was expected, '
                    "as in the file before it. Make all files alike."
                )

    def state(self) -> bytes:
        """Positions among the files and in the file, and the random counter, for an exact `restore`."""
        return self.stream.state() + self.files.state() + self.rows.state()

    def restore(self, state: bytes) -> None:
        """Go on from a `state`; DataError where the files are others."""
        middle = STREAM_STATE + ReadingOrder.STATE_SIZE
        self.files.restore(state[STREAM_STATE:middle], "the list of HDF5 files")
        self._open(self.files.current())
        self.rows.restore(state[middle:], f'HDF5 file "{self.names[self._file]}"')
        self.stream.restore(state[:STREAM_STATE])

    def close(self) -> None:
        """Nothing is kept open."""


def image_shape(shape: tuple[int, ...]) -> tuple[int, int, int]:
    """A row's shape as (channels, height, width) for the transformer; axes that are missing have size 1."""
    channels = shape[0] if shape else 1
    width = shape[-1] if len(shape) > 1 else 1
    return channels, prod(shape[1:-1]), width
