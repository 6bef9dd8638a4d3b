"""Messages as canonical prototxt: two spaces a level, one field a line, in the order of field numbers."""

from __future__ import annotations

import math
import struct
from collections.abc import Iterator
from typing import Any

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message

from prototxt.tables import is_repeated

_ESCAPES = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t"}
_ESCAPES.update({chr(code): f"\\{code:03o}" for code in (*range(32), 127) if chr(code) not in _ESCAPES})
_TEXT_ESCAPES = str.maketrans(_ESCAPES)
_BYTES_ESCAPES = str.maketrans({**_ESCAPES, **{chr(code): f"\\{code:03o}" for code in range(128, 256)}})


def to_text(message: Message) -> str:
    """The message as a prototxt that parses back to the same message. Unknown binary fields are left out."""
    return "".join(f"{line}\n" for line in _lines(message, ""))


def _lines(message: Message, indent: str) -> Iterator[str]:
    for field, value in message.ListFields():
        for item in value if is_repeated(field) else (value,):
            if field.cpp_type == FieldDescriptor.CPPTYPE_MESSAGE:
                yield f"{indent}{field.name} {{"
                yield from _lines(item, indent + "  ")
                yield f"{indent}}}"
            else:
                yield f"{indent}{field.name}: {_scalar(field, item)}"


def _scalar(field: FieldDescriptor, value: Any) -> str:
    kind = field.cpp_type
    if field.type == FieldDescriptor.TYPE_BYTES:
        return f'"{value.decode("latin-1").translate(_BYTES_ESCAPES)}"'
    if kind == FieldDescriptor.CPPTYPE_STRING:
        return f'"{value.translate(_TEXT_ESCAPES)}"'
    if kind == FieldDescriptor.CPPTYPE_BOOL:
        return "true" if value else "false"
    if kind == FieldDescriptor.CPPTYPE_ENUM:
        return field.enum_type.values_by_number[value].name
    if kind == FieldDescriptor.CPPTYPE_FLOAT:
        return float_text(value)
    if kind == FieldDescriptor.CPPTYPE_DOUBLE:
        return _shortest(value, range(15, 18), lambda number: number)
    return str(value)


def float_text(value: float) -> str:
    """The fewest digits, at least as many as %g gives, that read back as the same float32."""
    return _shortest(value, range(6, 10), _to_float32)


def _shortest(value: float, digits: range, rounded) -> str:
    if not math.isfinite(value):
        return "nan" if math.isnan(value) else "inf" if value > 0 else "-inf"
    target = rounded(value)
    texts = (f"{value:.{count}g}" for count in digits)
    return next(text for text in texts if rounded(float(text)) == target)


def _to_float32(value: float) -> float:
    """What remains of a number in a float field; one that is too great becomes infinite."""
    try:
        return struct.unpack("<f", struct.pack("<f", value))[0]
    except OverflowError:
        return math.copysign(math.inf, value)
