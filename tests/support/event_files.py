"""Reads event files by protobuf's own runtime and a bitwise checksum, apart from the code that writes them."""

from __future__ import annotations

import struct
from pathlib import Path

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

_TYPES = {
    name.removeprefix("TYPE_").lower(): number for name, number in descriptor_pb2.FieldDescriptorProto.Type.items()
}
# TensorFlow's messages, as far as they are written: message: (number, name, type or message, repeated or packed)
_MESSAGES = {
    "Event": [(1, "wall_time", "double", ""), (2, "step", "int64", ""), (3, "file_version", "string", ""),
              (4, "graph_def", "bytes", ""), (5, "summary", "Summary", ""), (7, "session_log", "SessionLog", "")],
    "SessionLog": [(1, "status", "int32", "")],
    "Summary": [(1, "value", "Value", "repeated")],
    "Value": [(1, "tag", "string", ""), (2, "simple_value", "float", ""), (4, "image", "Image", ""),
              (5, "histo", "Histogram", "")],
    "Image": [(1, "height", "int32", ""), (2, "width", "int32", ""), (3, "colorspace", "int32", ""),
              (4, "encoded_image_string", "bytes", "")],
    "Histogram": [(1, "min", "double", ""), (2, "max", "double", ""), (3, "num", "double", ""),
                  (4, "sum", "double", ""), (5, "sum_squares", "double", ""), (6, "bucket_limit", "double", "repeated"),
                  (7, "bucket", "double", "repeated")],
    "GraphDef": [(1, "node", "NodeDef", "repeated"), (4, "versions", "VersionDef", "")],
    "VersionDef": [(1, "producer", "int32", "")],
    "NodeDef": [(1, "name", "string", ""), (2, "op", "string", ""), (3, "input", "string", "repeated"),
                (5, "attr", "Attribute", "repeated")],
    "Attribute": [(1, "key", "string", ""), (2, "value", "AttributeValue", "")],
    "AttributeValue": [(1, "list", "ShapeList", ""), (2, "s", "bytes", "")],
    "ShapeList": [(7, "shape", "Shape", "repeated")],
    "Shape": [(2, "dim", "Dim", "repeated")],
    "Dim": [(1, "size", "int64", "")],
}  # fmt: skip


def _classes() -> dict[str, type]:
    file = descriptor_pb2.FileDescriptorProto(name="event_files.proto", package="event_files", syntax="proto3")
    for name, fields in _MESSAGES.items():
        message = file.message_type.add(name=name)
        for number, field_name, kind, repeated in fields:
            field = message.field.add(name=field_name, number=number, label=3 if repeated else 1)
            if kind in _MESSAGES:
                field.type, field.type_name = _TYPES["message"], f".event_files.{kind}"
            else:
                field.type = _TYPES[kind]
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return {
        name: message_factory.GetMessageClass(pool.FindMessageTypeByName(f"event_files.{name}")) for name in _MESSAGES
    }


CLASSES = _classes()


def crc32c(data: bytes) -> int:
    """CRC-32C, bit by bit, most significant first over reflected bits."""
    remainder = 0xFFFFFFFF
    for byte in data:
        for place in range(8):
            bit = (byte >> place & 1) ^ (remainder & 1)
            remainder = (remainder >> 1) ^ (0x82F63B78 * bit)
    return remainder ^ 0xFFFFFFFF


def unmask(masked: int) -> int:
    turned = (masked - 0xA282EAD8) % 2**32
    return (turned >> 17 | turned << 15) % 2**32


def read_events(path: Path, torn: bool = False) -> list:
    """The Events of a file, checksums checked; ``torn``: the last record may be cut off."""
    content, events, place = Path(path).read_bytes(), [], 0
    while place < len(content):
        if torn and len(content) - place < 12:
            break
        length_bytes = content[place : place + 8]
        (length,), (check,) = struct.unpack("<Q", length_bytes), struct.unpack_from("<I", content, place + 8)
        assert unmask(check) == crc32c(length_bytes)
        data = content[place + 12 : place + 12 + length]
        if torn and len(content) < place + 16 + length:
            break
        (check,) = struct.unpack_from("<I", content, place + 12 + length)
        assert unmask(check) == crc32c(data)
        events.append(CLASSES["Event"].FromString(data))
        place += 16 + length
    return events


def read_folder(folder: Path) -> list:
    """The events of all files of a folder in TensorBoard's order, less what a later start has made void."""
    found: list = []
    for path in sorted(Path(folder).iterdir()):
        assert "tfevents" in path.name
        for event in read_events(path, torn=True):
            if event.session_log.status == 1:
                found = [earlier for earlier in found if earlier.step < event.step]
            found.append(event)
    return found


def scalars(events: list) -> dict[str, list[tuple[int, float]]]:
    """``tag: [(step, value)]``."""
    found: dict[str, list[tuple[int, float]]] = {}
    for event in events:
        for value in event.summary.value:
            if not value.HasField("histo") and not value.HasField("image"):
                found.setdefault(value.tag, []).append((event.step, value.simple_value))
    return found


def values_of(events: list, kind: str) -> dict[str, list[tuple[int, object]]]:
    """``tag: [(step, message)]`` of the ``histo`` or ``image`` values."""
    found: dict[str, list[tuple[int, object]]] = {}
    for event in events:
        for value in event.summary.value:
            if value.HasField(kind):
                found.setdefault(value.tag, []).append((event.step, getattr(value, kind)))
    return found


def graph_of(events: list):
    """The last GraphDef."""
    return [CLASSES["GraphDef"].FromString(event.graph_def) for event in events if event.graph_def][-1]
