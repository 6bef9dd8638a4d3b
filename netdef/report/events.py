"""Event files as TensorBoard reads them: scalars, histograms, images and a graph.

A file is a sequence of records, each a length, its checksum, one Event message and its checksum. A record that a crash
has cut off is no harm: readers stop before it. Sources: TensorFlow core/lib/io/record_writer.cc (records),
core/util/event.proto, core/framework/summary.proto and graph.proto (messages); RFC 3720, appendix B.4 (CRC-32C).
"""

from __future__ import annotations

import os
import socket
import struct
import time
from collections.abc import Sequence

import numpy as np

from netdef.weights.wire import FIXED32, FIXED64, VARINT, encode_bytes, encode_varint

FILE_VERSION = "brain.Event:2"
BINS = 64  # of a histogram; TensorBoard shows 30
_POLYNOMIAL = 0x82F63B78  # Castagnoli's, reflected
_MASK_DELTA = 0xA282EAD8


def _make_table() -> list[int]:
    table = []
    for byte in range(256):
        for _ in range(8):
            byte = byte >> 1 ^ (_POLYNOMIAL if byte & 1 else 0)
        table.append(byte)
    return table


_TABLE = _make_table()


def crc32c(data: bytes) -> int:
    """CRC-32C of ``data``."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc = crc >> 8 ^ _TABLE[(crc ^ byte) & 0xFF]
    return crc ^ 0xFFFFFFFF


def masked_crc(data: bytes) -> int:
    """The checksum of a record: CRC-32C, turned by 15 bits, plus a constant, so that no CRC is made of a CRC."""
    crc = crc32c(data)
    return ((crc >> 15 | crc << 17) + _MASK_DELTA) & 0xFFFFFFFF


def record(content: bytes) -> bytes:
    """``content`` with its length (8 bytes, little-endian) and the two checksums (4 bytes each)."""
    length = struct.pack("<Q", len(content))
    return b"".join([length, struct.pack("<I", masked_crc(length)), content, struct.pack("<I", masked_crc(content))])


# -- messages -----------------------------------------------------------------------------------------------------


def message(number: int, *content: bytes) -> bytes:
    """A field that holds a message, text or bytes."""
    return b"".join(encode_bytes(number, *content))


def text(number: int, value: str) -> bytes:
    return message(number, value.encode("utf-8"))


def integer(number: int, value: int) -> bytes:
    """A whole number, also below 0."""
    return encode_varint(number << 3 | VARINT) + encode_varint(value & 0xFFFFFFFFFFFFFFFF)


def double(number: int, value: float) -> bytes:
    return encode_varint(number << 3 | FIXED64) + struct.pack("<d", value)


def _doubles(number: int, values: np.ndarray) -> bytes:
    return message(number, np.ascontiguousarray(values, "<f8").tobytes())


def scalar(tag: str, value: float) -> bytes:
    """One number of a summary."""
    return message(1, text(1, tag), encode_varint(2 << 3 | FIXED32) + struct.pack("<f", value))


def histogram(tag: str, values: np.ndarray) -> bytes:
    """How ``values`` (any shape) are spread, in `BINS` bins of equal width; what is not finite is left out."""
    values = np.asarray(values, np.float64).reshape(-1)
    finite = np.isfinite(values)
    values = values if finite.all() else values[finite]
    if values.size == 0:
        low = high = 0.0
        counts, limits = np.zeros(1), np.zeros(1)
    else:
        low, high = float(values.min()), float(values.max())
        counts, edges = np.histogram(values, BINS) if low < high else (np.array([values.size]), np.array([low, high]))
        limits = edges[1:]
    return message(
        1,
        text(1, tag),
        message(
            5,
            double(1, low),
            double(2, high),
            double(3, values.size),
            double(4, float(values.sum())),
            double(5, float(values @ values)),
            _doubles(6, limits),
            _doubles(7, counts),
        ),
    )


def image(tag: str, png: bytes, height: int, width: int, channels: int) -> bytes:
    """A picture, encoded as PNG, with 1 channel (gray) or 3 (RGB)."""
    return message(
        1, text(1, tag), message(4, integer(1, height), integer(2, width), integer(3, channels), message(4, png))
    )


def summary(values: Sequence[bytes]) -> bytes:
    """The content of an event: what `scalar`, `histogram` and `image` have made."""
    return message(5, *values)


def graph(definition: bytes) -> bytes:
    """The content of an event: a GraphDef."""
    return message(4, definition)


def session_start() -> bytes:
    """The content of an event: a run begins at its step, and what was written of this step and later is void."""
    return message(7, integer(1, 1))


# -- files --------------------------------------------------------------------------------------------------------


class EventFile:
    """A new event file in ``folder``; it sorts behind the files of earlier runs. Raises OSError."""

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        self.path, self._file = _create(os.fspath(folder))
        self._write(text(3, FILE_VERSION), 0)

    def add(self, content: bytes, step: int) -> None:
        """Write one event of iteration ``step`` and hand it to the operating system."""
        self._write(content, step)

    def _write(self, content: bytes, step: int) -> None:
        self._file.write(record(double(1, time.time()) + integer(2, step) + content))
        self._file.flush()

    def close(self) -> None:
        self._file.close()


def _create(folder: str):
    """A name that no file has: TensorBoard wants ``tfevents`` and reads files in the order of their names."""
    seconds, number = int(time.time()), 0
    while True:
        name = f"events.out.tfevents.{seconds:010d}.{socket.gethostname()}.{os.getpid()}.{number}"
        path = os.path.join(folder, name)
        try:
            return path, open(path, "xb")
        except FileExistsError:
            number += 1
