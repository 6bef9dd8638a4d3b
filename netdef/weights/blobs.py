"""One BlobProto: an array with its shape, to and from bytes.

Source: Caffe src/caffe/proto/caffe.proto (BlobProto), src/caffe/blob.cpp (FromProto, ToProto).
"""

from __future__ import annotations

from math import prod

import numpy as np

from netdef.weights import wire
from prototxt import schema

# BlobProto's field numbers
_LEGACY_SHAPE = (1, 2, 3, 4)  # num, channels, height, width
_DATA, _DIFF, _SHAPE, _DOUBLE_DATA, _DOUBLE_DIFF = 5, 6, 7, 8, 9
_RAW_TYPE, _RAW_DATA = 10, 12  # NVIDIA's fork: bytes of a named type
_RAW_TYPES = {0: "<f8", 1: "<f4", 2: "<f2"}
_MAX_AXES = 32  # blob.hpp:14, kMaxBlobAxes


def read_blob(data: memoryview, start: int, end: int, views: bool = False) -> np.ndarray:
    """The values of the BlobProto in ``data[start:end]``: float32, or float64 where it holds doubles.

    With ``views`` they are a view of ``data``, perhaps off the bounds of its numbers, where it has them in one piece.
    Legacy blobs have the four axes that they name. Raises `wire.WireError` where the number of values is not the
    product of the shape.
    """
    shape: list[int] = []
    legacy: dict[int, int] = {}
    values: dict[int, list[np.ndarray]] = {_DATA: [], _DOUBLE_DATA: [], _RAW_DATA: []}
    raw_type = 1
    position = start
    while position < end:
        run = _unpacked_run(data, position, end)
        if run is not None:
            array, position = run
            values[_DATA].append(array)
            continue
        field = next(wire.fields(data, position, end))
        position = field.end
        if field.number in _LEGACY_SHAPE:
            legacy[field.number] = field.expect(wire.VARINT, "a size").value
        elif field.number == _SHAPE:
            shape += _read_shape(data, field.expect(wire.LENGTH, "the shape"))
        elif field.number == _DATA:
            values[_DATA].append(wire.numbers(data, field, "<f4", "the list of values"))
        elif field.number == _DOUBLE_DATA:
            values[_DOUBLE_DATA].append(wire.numbers(data, field, "<f8", "the list of values"))
        elif field.number == _RAW_TYPE:
            raw_type = field.expect(wire.VARINT, "the type of the raw values").value
        elif field.number == _RAW_DATA:
            values[_RAW_DATA].append(wire.numbers(data, field, "u1", "the raw values"))
    if legacy:  # they win over a shape where both are given (blob.cpp, FromProto)
        shape = [legacy.get(number, 0) for number in _LEGACY_SHAPE]
    return _assemble(start, shape, values, raw_type, views)


def _unpacked_run(data: memoryview, position: int, end: int) -> tuple[np.ndarray, int] | None:
    """Many floats that each carry their own tag, as very old files have them: read as one strided array."""
    tag = _DATA << 3 | wire.FIXED32
    records = (end - position) // 5
    if records == 0 or data[position] != tag:
        return None
    table = np.frombuffer(data, "u1", records * 5, position).reshape(records, 5)
    foreign = np.flatnonzero(table[:, 0] != tag)
    count = int(foreign[0]) if foreign.size else records
    return np.ascontiguousarray(table[:count, 1:]).view("<f4").reshape(-1), position + count * 5


def _read_shape(data: memoryview, field: wire.Field) -> list[int]:
    sizes = []
    for inner in wire.fields(data, field.start, field.end):
        if inner.number == 1:
            sizes += wire.varints(data, inner, "a size")
    return sizes


def _assemble(
    start: int, shape: list[int], values: dict[int, list[np.ndarray]], raw_type: int, views: bool
) -> np.ndarray:
    if len(shape) > _MAX_AXES or any(size > 2**31 - 1 for size in shape):
        raise wire.WireError(start, f"its shape {tuple(shape)} is impossible")
    if values[_RAW_DATA] and raw_type not in _RAW_TYPES:
        raise wire.WireError(start, f"its raw values have type {raw_type}; double, float and half (0 to 2) can be read")
    if values[_RAW_DATA]:
        raw = np.concatenate(values[_RAW_DATA])
        item = np.dtype(_RAW_TYPES[raw_type]).itemsize
        flat = raw[: raw.size // item * item].view(_RAW_TYPES[raw_type])
        flat = flat.astype(np.float64 if raw_type == 0 else np.float32)
    else:
        chunks = values[_DOUBLE_DATA] or values[_DATA]
        native = np.float64 if values[_DOUBLE_DATA] else np.float32
        if views and len(chunks) == 1 and chunks[0].dtype == native:
            flat = chunks[0]
        else:  # a copy: it is aligned, writable, and lets go of the file
            flat = np.concatenate(chunks).astype(native, copy=False) if chunks else np.empty(0, native)
    if flat.size != prod(shape):
        raise wire.WireError(start, f"it holds {flat.size} values; its shape {tuple(shape)} has {prod(shape)}")
    return flat.reshape(shape)


def encode_blob(array: np.ndarray, diff: np.ndarray | None = None) -> bytes:
    """The bytes of a BlobProto with the shape and values of ``array`` (float32 or float64), and of ``diff``."""
    return b"".join(blob_chunks(array, diff))


def blob_chunks(array: np.ndarray, diff: np.ndarray | None = None) -> list:
    """`encode_blob` in chunks; those of the values are views of the arrays, not copies."""
    double = array.dtype == np.float64
    kind = "<f8" if double else "<f4"
    listed = (_DOUBLE_DATA, _DOUBLE_DIFF) if double else (_DATA, _DIFF)
    parts = {
        number: np.ascontiguousarray(values, kind).reshape(-1).view("u1").data
        for number, values in zip(listed, (array, diff), strict=True)
        if values is not None
    }
    if array.shape:
        sizes = b"".join(wire.encode_varint(size) for size in array.shape)
        parts[_SHAPE] = b"".join(wire.encode_bytes(1, sizes))
    return [chunk for number in sorted(parts) for chunk in wire.encode_bytes(number, parts[number])]


def blob_message(array: np.ndarray, diff: np.ndarray | None = None) -> schema.BlobProto:
    """A ``schema.BlobProto``; by way of bytes, because a list of a million Python floats is slow."""
    return schema.BlobProto.FromString(encode_blob(array, diff))
