"""What the parser knows of each message type, read once from its descriptor.

A `Field` turns the words of a text into values. The values of words seen before are remembered: the
same few numbers fill a whole definition.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from google.protobuf.descriptor import Descriptor, FieldDescriptor

from prototxt.errors import suggestion

REMEMBERED_WORDS = 4096  # enough for any definition; bounds memory where a text holds whole blobs

_INTEGER = re.compile(r"-?(?:0[xX][0-9a-fA-F]+|0[0-7]*|[1-9][0-9]*)", re.ASCII)
_DECIMAL = re.compile(r"-?(?:(?:0|[1-9]\d*)(?:\.\d*)?|\.\d+)(?:[eE][-+]?\d+)?[fF]?", re.ASCII)
_NOT_FINITE = re.compile(r"-?(?:inf(?:inity)?|nan)f?", re.ASCII | re.IGNORECASE)
_BOOLS = {"true": True, "True": True, "t": True, "false": False, "False": False, "f": False}

_RANGES = {
    FieldDescriptor.CPPTYPE_INT32: (-(2**31), 2**31 - 1),
    FieldDescriptor.CPPTYPE_INT64: (-(2**63), 2**63 - 1),
    FieldDescriptor.CPPTYPE_UINT32: (0, 2**32 - 1),
    FieldDescriptor.CPPTYPE_UINT64: (0, 2**64 - 1),
}


class Words(dict):
    """Word to value; converts a word it has not met. Raises ValueError: what was expected instead."""

    def __init__(self, convert: Callable[[str], Any]) -> None:
        super().__init__()
        self.convert = convert

    def __missing__(self, word: str) -> Any:
        value = self.convert(word)
        if len(self) < REMEMBERED_WORDS:
            self[word] = value
        return value


class Field:
    """One field: its name, whether it repeats, and how a text spells its values."""

    __slots__ = ("name", "repeated", "words", "is_text", "is_bytes", "descriptor")

    def __init__(self, descriptor: FieldDescriptor) -> None:
        self.name = descriptor.name
        self.repeated = is_repeated(descriptor)
        self.descriptor = descriptor
        self.is_bytes = descriptor.type == FieldDescriptor.TYPE_BYTES
        self.is_text = descriptor.type == FieldDescriptor.TYPE_STRING
        self.words = Words(_converter(descriptor))

    @property
    def message_type(self) -> Descriptor | None:
        return self.descriptor.message_type

    @property
    def quoted(self) -> bool:
        return self.is_text or self.is_bytes

    @property
    def expected(self) -> str:
        """What a value looks like, for an error: ``expected …. What to do.``"""
        return _expectation(self.descriptor)


class Table:
    """The fields of one message type."""

    __slots__ = ("name", "fields", "required", "names_a_layer")

    def __init__(self, descriptor: Descriptor) -> None:
        self.name = descriptor.name
        self.fields = {field.name: Field(field) for field in descriptor.fields}
        self.required = tuple(field.name for field in descriptor.fields if _is_required(field))
        self.names_a_layer = "name" in self.fields and "type" in self.fields


_TABLES: dict[Descriptor, Table] = {}


def table_of(descriptor: Descriptor) -> Table:
    """The table of a message type, built at the first question."""
    table = _TABLES.get(descriptor)
    if table is None:
        table = _TABLES[descriptor] = Table(descriptor)
    return table


def is_repeated(descriptor: FieldDescriptor) -> bool:
    """protobuf renamed this: label up to release 5, is_repeated from 6 on."""
    if hasattr(descriptor, "is_repeated"):
        return descriptor.is_repeated
    return descriptor.label == FieldDescriptor.LABEL_REPEATED


def _is_required(descriptor: FieldDescriptor) -> bool:
    if hasattr(descriptor, "is_required"):
        return descriptor.is_required
    return descriptor.label == FieldDescriptor.LABEL_REQUIRED


def _converter(descriptor: FieldDescriptor) -> Callable[[str], Any]:
    kind = descriptor.cpp_type
    if kind in _RANGES:
        return lambda word: _integer(word, descriptor, *_RANGES[kind])
    if kind in (FieldDescriptor.CPPTYPE_FLOAT, FieldDescriptor.CPPTYPE_DOUBLE):
        return lambda word: _float(word, descriptor)
    if kind == FieldDescriptor.CPPTYPE_BOOL:
        return lambda word: _bool(word, descriptor)
    if kind == FieldDescriptor.CPPTYPE_ENUM:
        return lambda word: _enum(word, descriptor)
    return lambda word: _refuse(word, descriptor)


def _refuse(word: str, descriptor: FieldDescriptor):
    raise ValueError(_expectation(descriptor, word))


def _parse_integer(word: str) -> int:
    """C's spellings: 0x is hexadecimal, a leading 0 is octal."""
    if not _INTEGER.fullmatch(word):
        raise ValueError(word)
    digits = word.lstrip("-")
    octal = len(digits) > 1 and digits[1] not in "xX" and digits[0] == "0"
    value = int(digits, 8 if octal else 0)
    return -value if word[0] == "-" else value


def _integer(word: str, descriptor: FieldDescriptor, low: int, high: int) -> int:
    try:
        value = _parse_integer(word)
    except ValueError:
        value = high + 1
    if not low <= value <= high:
        _refuse(word, descriptor)
    return value


def _float(word: str, descriptor: FieldDescriptor) -> float:
    if _DECIMAL.fullmatch(word):
        return float(word.rstrip("fF"))
    if _NOT_FINITE.fullmatch(word):
        lowered = word.lower()
        return float(lowered[:-1] if lowered.endswith(("inff", "nanf", "yf")) else lowered)
    return _refuse(word, descriptor)


def _bool(word: str, descriptor: FieldDescriptor) -> bool:
    if word in _BOOLS:
        return _BOOLS[word]
    try:
        value = _parse_integer(word)
    except ValueError:
        value = -1
    if value not in (0, 1):
        _refuse(word, descriptor)
    return bool(value)


def _enum(word: str, descriptor: FieldDescriptor) -> int:
    known = descriptor.enum_type
    if word in known.values_by_name:
        return known.values_by_name[word].number
    try:
        value = _parse_integer(word)
    except ValueError:
        value = None
    if value not in known.values_by_number:
        _refuse(word, descriptor)
    return value


def _expectation(descriptor: FieldDescriptor, word: str = "") -> str:
    kind = descriptor.cpp_type
    if kind in _RANGES:
        low, high = _RANGES[kind]
        return f"expected a whole number from {low} to {high}. Write it without quotes, point or exponent."
    if kind in (FieldDescriptor.CPPTYPE_FLOAT, FieldDescriptor.CPPTYPE_DOUBLE):
        return "expected a decimal number, inf or nan. Write it without quotes."
    if kind == FieldDescriptor.CPPTYPE_BOOL:
        return "expected true or false. Write one of them, without quotes."
    if kind == FieldDescriptor.CPPTYPE_ENUM:
        names = list(descriptor.enum_type.values_by_name)
        hint = suggestion(word, names) if word else ""
        return f"expected {_one_of(names)}.{hint or ' Write one of them, without quotes.'}"
    if kind == FieldDescriptor.CPPTYPE_STRING:
        example = f'{descriptor.name}: "{word or "..."}"'
        return f"expected a text in quotes. Write {example}."
    return f"expected a block. Write {descriptor.name} {{ ... }}."


def _one_of(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"one of {', '.join(names)}"
