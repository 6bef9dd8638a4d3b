"""Sentences of the parser's errors that need a look around."""

from __future__ import annotations

from google.protobuf.message import Message

from prototxt.errors import PrototxtError, suggestion
from prototxt.lexer import TOKEN_PATTERN
from prototxt.tables import Table, table_of

LISTED_FIELDS = 16  # an error lists all fields of a message up to this many
LONGEST_SHOWN = 40  # characters of a value


def shortened(word: str) -> str:
    return word if len(word) <= LONGEST_SHOWN else f"{word[:LONGEST_SHOWN]}..."


def shown(text: str, position: int) -> str:
    """The token at ``position``; punctuation stands in quotes."""
    match = TOKEN_PATTERN.match(text, position)
    if match is None:
        return "the end of the text"
    token = match[0]
    return shortened(token) if len(token) > 1 or token.isalnum() else f'"{token}"' if token != '"' else token


def unknown_field(name: str, table: Table, owner: str) -> str:
    """``convolution_param has no field "kernal_size". Did you mean "kernel_size"?``"""
    return f'{owner} has no field "{name}".{_advice(name, table)}'


def _advice(name: str, table: Table) -> str:
    hint = suggestion(name, table.fields)
    if hint:
        return hint
    homes = [
        field.name
        for field in table.fields.values()
        if field.message_type is not None and name in table_of(field.message_type).fields
    ]
    if homes:
        return f" It is a field of {_some(homes)}."
    if len(table.fields) <= LISTED_FIELDS:
        return f" Its fields: {', '.join(table.fields)}."
    return " Correct its name or remove it."


def _some(names: list[str]) -> str:
    return ", ".join(names[:4]) + (", ..." if len(names) > 4 else "")


def name_layer(error: PrototxtError, message: Message) -> None:
    """Say in which layer an error is: the innermost message around it with a name and a type."""
    if error.layer_name or error.layer_type or not table_of(message.DESCRIPTOR).names_a_layer:
        return
    error.layer_name = message.name
    enum = message.DESCRIPTOR.fields_by_name["type"].enum_type
    if enum is None:
        error.layer_type = message.type
    elif message.HasField("type"):
        error.layer_type = enum.values_by_number[message.type].name
