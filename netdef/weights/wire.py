"""Protocol buffers' wire format, read by hand.

A caffemodel from a fork may use field numbers that mean something else here, so no schema parses it whole:
`fields` walks one message and lets its caller believe the few fields it knows. Format:
https://protobuf.dev/programming-guides/encoding.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

VARINT, FIXED64, LENGTH, FIXED32 = 0, 1, 2, 5
_KINDS = {VARINT: "varint", FIXED64: "64-bit", LENGTH: "length-delimited", FIXED32: "32-bit"}
_SIZES = {FIXED64: 8, FIXED32: 4}


class WireError(Exception):
    """Bytes that are no message. ``offset`` is where in the file, ``truncated`` whether the file just ends."""

    def __init__(self, offset: int, message: str, truncated: bool = False) -> None:
        super().__init__(message)
        self.offset = offset
        self.message = message
        self.truncated = truncated


class Field(NamedTuple):
    """One field: its number, its wire type, a varint's value, and where its content starts and ends."""

    number: int
    kind: int
    value: int
    start: int
    end: int

    def expect(self, kind: int, what: str) -> Field:
        """This field, or a WireError where its wire type is not the one that ``what`` has."""
        if self.kind != kind:
            raise WireError(self.start, f"{what} is {_KINDS[self.kind]}; it must be {_KINDS[kind]}")
        return self


def read_varint(data: memoryview, position: int, end: int) -> tuple[int, int]:
    """``(value, position after it)`` of a base-128 number of up to 64 bits."""
    value = 0
    for shift in range(0, 70, 7):
        if position >= end:
            raise WireError(position, "it ends inside a number", truncated=end == len(data))
        byte = data[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value & 0xFFFFFFFFFFFFFFFF, position
    raise WireError(position, "a number has more than 64 bits")


def fields(data: memoryview, start: int, end: int) -> Iterator[Field]:
    """The fields of the message in ``data[start:end]``, in file order; WireError where it is none."""
    position = start
    while position < end:
        tag_at = position
        tag, position = read_varint(data, position, end)
        number, kind = tag >> 3, tag & 7
        if number == 0 or number > 0x1FFFFFFF or kind not in _KINDS:
            raise WireError(tag_at, f"a field has number {number} and wire type {kind}, which no message has")
        value = 0
        content = position
        if kind == VARINT:
            value, position = read_varint(data, position, end)
        elif kind == LENGTH:
            size, content = read_varint(data, position, end)
            position = content + size
        else:
            position += _SIZES[kind]
        if position > end:
            missing = position - end
            raise WireError(content, f"field {number} goes {missing} bytes beyond its end", truncated=end == len(data))
        yield Field(number, kind, value, content, position)


def text(data: memoryview, field: Field, what: str) -> str:
    """The UTF-8 text of a field."""
    field.expect(LENGTH, what)
    try:
        return bytes(data[field.start : field.end]).decode("utf-8")
    except UnicodeDecodeError:
        raise WireError(field.start, f"{what} is not UTF-8 text") from None


def numbers(data: memoryview, field: Field, dtype: str, what: str) -> np.ndarray:
    """The values of one occurrence of a repeated float or double, packed or not, as a view of ``data``."""
    item = np.dtype(dtype).itemsize
    if field.kind in _SIZES and _SIZES[field.kind] == item:
        return np.frombuffer(data, dtype, 1, field.start)
    field.expect(LENGTH, what)
    size = field.end - field.start
    if size % item:
        raise WireError(field.start, f"{what} has {size} bytes, which is no multiple of {item}")
    return np.frombuffer(data, dtype, size // item, field.start)


def varints(data: memoryview, field: Field, what: str) -> list[int]:
    """The values of one occurrence of a repeated integer, packed or not."""
    if field.kind == VARINT:
        return [field.value]
    field.expect(LENGTH, what)
    values = []
    position = field.start
    while position < field.end:
        value, position = read_varint(data, position, field.end)
        values.append(value)
    return values


def encode_varint(value: int) -> bytes:
    """A number of 0 or more, in base 128."""
    encoded = bytearray()
    while value > 0x7F:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    encoded.append(value)
    return bytes(encoded)


def encode_bytes(number: int, *content: bytes | np.ndarray) -> list:
    """A length-delimited field as chunks: tag and size, then ``content`` (bytes or flat uint8 views)."""
    size = sum(len(chunk) for chunk in content)
    return [encode_varint(number << 3 | LENGTH) + encode_varint(size), *content]
