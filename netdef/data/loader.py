"""From records to batches: what the prefetch thread of a Data layer does.

Source: Caffe src/caffe/layers/data_layer.cpp:95-160 (load_batch).
"""

from __future__ import annotations

from math import prod

import numpy as np
from numpy.typing import DTypeLike

from netdef.data.datum import check_size, decode_datum
from netdef.data.level_source import LevelSource
from netdef.data.lmdb_source import LmdbSource
from netdef.data.shuffled_source import ShuffledSource
from netdef.data.transformer import DataTransformer
from netdef.errors import DataError
from netdef.kernels.transform import (
    CHANNELS,
    DATA_LENGTH,
    DATA_START,
    FIELD_COUNT,
    HEIGHT,
    IMAGE_HEIGHT,
    IMAGE_WIDTH,
    KIND,
    LABEL,
    START,
    WIDTH,
    parse_datums,
)

# Small records are copied together and handled by one kernel call; this many bytes stay in a core's cache.
CHUNK_BYTES = 2**18


class Batch:
    """Images and labels ready for the net, and where the reader stood after them.

    Attributes: ``data`` float ``(N, C, H, W)``, ``labels`` float ``(N,)``, ``state`` bytes (see
    `DatumLoader.state`), ``restarts`` (how often the source had begun anew by then).
    """

    def __init__(self, size: int, dtype: DTypeLike) -> None:
        self.labels = np.zeros(size, dtype)
        self.data = np.zeros((size, 0, 0, 0), dtype)
        self.state = b""
        self.restarts = 0
        self._flat = np.zeros(0, dtype)

    @property
    def tops(self) -> list[np.ndarray]:
        return [self.data, self.labels]

    def reshape(self, shape: tuple[int, int, int]) -> None:
        """Give ``data`` the shape ``(N, *shape)``; memory only grows."""
        whole = (len(self.labels), *shape)
        if self.data.shape == whole:
            return
        count = prod(whole)
        if self._flat.size < count:
            self._flat = np.empty(count, self.labels.dtype)
        self.data = self._flat[:count].reshape(whole)


class DatumLoader:
    """Reads Datum records from ``source`` and fills batches with them."""

    def __init__(
        self, source: LmdbSource | LevelSource | ShuffledSource, transformer: DataTransformer, batch_size: int = 1
    ) -> None:
        self.source = source
        self.transformer = transformer
        self.batch_size = batch_size
        self._fields = np.zeros((0, FIELD_COUNT), np.int64)

    @property
    def restarts(self) -> int:
        """How often the source has begun anew."""
        return self.source.restarts

    def shapes(self) -> list[tuple[int, ...]]:
        """Shapes of a batch of images and of its labels."""
        return [(self.batch_size, *self.record_shape()), (self.batch_size,)]

    def new_batch(self) -> Batch:
        return Batch(self.batch_size, self.transformer.dtype)

    def close(self) -> None:
        """Let go of the database."""
        self.source.close()

    def record_shape(self) -> tuple[int, int, int]:
        """The ``(C, H, W)`` that the first record becomes."""
        try:
            image, _ = self._decode(self.source.first())
        except DataError as error:
            raise self._about(0, error) from error
        return self.transformer.output_shape(image.shape)

    def state(self) -> bytes:
        """Position and random counter, for an exact `restore`."""
        return self.transformer.stream.state() + self.source.position()

    def restore(self, state: bytes) -> None:
        """Go on from a `state`; DataError where the database is another one."""
        self.source.seek(state[16:])
        self.transformer.stream.restore(state[:16])

    def fill(self, batch: Batch) -> None:
        """Read as many records as ``batch`` holds and transform them into it.

        The first record decides the shape of the batch (data_layer.cpp:113-121). Raises DataError, naming the
        record, where one cannot be read or becomes another shape.
        """
        start = self.source.index
        records = self.source.read(len(batch.labels))
        step = max(1, CHUNK_BYTES // max(1, len(records[0])))
        for begin in range(0, len(records), step):
            self._fill_part(batch, records[begin : begin + step], begin, start + begin)
        batch.state = self.state()
        batch.restarts = self.source.restarts

    def _fill_part(self, batch: Batch, records: list[memoryview], begin: int, index: int) -> None:
        """Rows ``begin`` and following of ``batch`` from ``records``, the first of which is number ``index``."""
        buffer = np.frombuffer(records[0] if len(records) == 1 else b"".join(records), np.uint8)
        if len(self._fields) < len(records):
            self._fields = np.zeros((len(records), FIELD_COUNT), np.int64)
        fields = self._fields[: len(records)]
        parse_datums(buffer, np.cumsum(np.fromiter(map(len, records), np.int64, len(records))), fields)
        if fields[:, KIND].any() or not self._uniform(fields, batch, begin):
            self._fill_singly(batch, records, begin, index)
            return
        placements = self.transformer.placements(len(records))
        placements[:, START] = fields[:, DATA_START]
        placements[:, IMAGE_HEIGHT] = fields[0, HEIGHT]
        placements[:, IMAGE_WIDTH] = fields[0, WIDTH]
        end = begin + len(records)
        self.transformer.transform_flat(buffer, placements, batch.data[begin:end])
        batch.labels[begin:end] = fields[:, LABEL]

    def _uniform(self, fields: np.ndarray, batch: Batch, begin: int) -> bool:
        """Whether all records have one good shape, and it is the batch's; shapes the batch at its first record."""
        first = fields[0]
        shape = (int(first[CHANNELS]), int(first[HEIGHT]), int(first[WIDTH]))
        same = (fields[:, CHANNELS : WIDTH + 1] == first[CHANNELS : WIDTH + 1]).all()
        if not same or min(shape) <= 0 or (fields[:, DATA_LENGTH] != prod(shape)).any():
            return False
        becomes = self.transformer.output_shape(shape)
        if begin == 0:
            batch.reshape(becomes)
        return batch.data.shape[1:] == becomes

    def _fill_singly(self, batch: Batch, records: list[memoryview], begin: int, index: int) -> None:
        """The slow way for images that are encoded, floats, of several sizes, or wrong."""
        for offset, record in enumerate(records):
            row = begin + offset
            try:
                image, label = self._decode(record)
                if row == 0:
                    batch.reshape(self.transformer.output_shape(image.shape))
                self._check_shape(image, batch)
            except DataError as error:
                raise self._about(index + offset, error) from error
            self.transformer.transform([image], batch.data[row : row + 1])
            batch.labels[row] = label

    def _check_shape(self, image: np.ndarray, batch: Batch) -> None:
        becomes, expected = self.transformer.output_shape(image.shape), batch.data.shape[1:]
        if becomes != expected:
            raise DataError(
                f"becomes {becomes} (channels, height, width); {expected} was expected, as for the first of its batch. "
                "Resize the images to one size, set crop_size, or use batch_size: 1."
            )

    def _decode(self, record: memoryview) -> tuple[np.ndarray, int]:
        param = self.transformer.param
        image, label = decode_datum(record, param.force_color, param.force_gray)
        check_size(image.shape, image.size, "numbers")
        return image, label

    def _about(self, index: int, error: DataError) -> DataError:
        index %= self.source.entries
        key = self.source.key_of(index)
        message = f'record {index} (key "{key}") of {self.source.kind} "{self.source.path}" {error.message}'
        return DataError(message, field="data_param.source")
