"""Random messages of any type, and random spellings of them, for hypothesis."""

import math
import random

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message
from hypothesis import strategies as st

from prototxt.printer import float_text
from prototxt.tables import is_repeated, table_of

FD = FieldDescriptor
SCALARS = {
    FD.CPPTYPE_INT32: st.integers(-(2**31), 2**31 - 1),
    FD.CPPTYPE_INT64: st.integers(-(2**63), 2**63 - 1),
    FD.CPPTYPE_UINT32: st.integers(0, 2**32 - 1),
    FD.CPPTYPE_UINT64: st.integers(0, 2**64 - 1),
    FD.CPPTYPE_FLOAT: st.floats(width=32, allow_nan=False) | st.just(math.nan),
    FD.CPPTYPE_DOUBLE: st.floats(allow_nan=False) | st.just(math.nan),
    FD.CPPTYPE_BOOL: st.booleans(),
}
# No NUL: protobuf 4 prints it as it is, and a text with a NUL is taken for a binary file.
TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12)


def values(field: FieldDescriptor, depth: int) -> st.SearchStrategy:
    if field.type == FD.TYPE_BYTES:
        return st.binary(max_size=12)
    if field.cpp_type == FD.CPPTYPE_STRING:
        return TEXTS
    if field.cpp_type == FD.CPPTYPE_ENUM:
        return st.sampled_from([value.number for value in field.enum_type.values])
    if field.cpp_type == FD.CPPTYPE_MESSAGE:
        return messages(field.message_type._concrete_class, depth - 1)
    return SCALARS[field.cpp_type]


@st.composite
def messages(draw, message_type: type[Message], depth: int = 4) -> Message:
    """A message with up to five of its fields set, and all that are required."""
    message = message_type()
    usable = [f for f in message_type.DESCRIPTOR.fields if depth or f.message_type is None]
    chosen = draw(st.lists(st.sampled_from(usable), max_size=5, unique_by=lambda f: f.name)) if usable else []
    chosen += [f for f in usable if f.name in table_of(message_type.DESCRIPTOR).required and f not in chosen]
    for field in chosen:
        if is_repeated(field):
            getattr(message, field.name).extend(draw(st.lists(values(field, depth), min_size=1, max_size=3)))
        elif field.message_type is not None:
            getattr(message, field.name).CopyFrom(draw(values(field, depth)))
            getattr(message, field.name).SetInParent()
        else:
            setattr(message, field.name, draw(values(field, depth)))
    return message


class FreeSpelling:
    """Prints a message in ways that are all correct and rarely canonical."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)

    def text(self, message: Message) -> str:
        statements = [s for field, value in message.ListFields() for s in self.statements(field, value)]
        return self.space() + "".join(s + self.pick("", ",", ";", " ;") + self.gap() for s in statements)

    def pick(self, *choices: str) -> str:
        return self.random.choice(choices)

    def space(self) -> str:
        return self.pick("", "", " ", "\t", "\r\n", " # }{\"\n", "\n\n  ")

    def gap(self) -> str:
        return self.pick(" ", "\n", "\r\n\t", "# note: '[\n", "  #\n#\n")

    def statements(self, field, value) -> list[str]:
        items = list(value) if is_repeated(field) else [value]
        is_block = field.message_type is not None
        if is_repeated(field) and self.random.random() < 0.4:
            colon = self.pick(":", "") if is_block else ":"
            listed = (self.space() + "," + self.space()).join(self.value(field, item) for item in items)
            return [f"{field.name}{self.space()}{colon}{self.space()}[{self.space()}{listed}{self.space()}]"]
        colons = [self.pick(":", "") if is_block else ":" for _ in items]
        return [
            f"{field.name}{self.space()}{colon}{self.space()}{self.value(field, item)}"
            for item, colon in zip(items, colons, strict=True)
        ]

    def value(self, field, item) -> str:
        if field.message_type is not None:
            opened, closed = self.random.choice(["{}", "<>"])
            return f"{opened}{self.text(item)}{closed}"
        if field.cpp_type == FD.CPPTYPE_STRING:
            return self.quoted(item if isinstance(item, bytes) else item.encode())
        if field.cpp_type == FD.CPPTYPE_BOOL:
            return self.pick("true", "t", "True", "1") if item else self.pick("false", "f", "False", "0")
        if field.cpp_type == FD.CPPTYPE_ENUM:
            return self.pick(str(item), field.enum_type.values_by_number[item].name)
        if field.cpp_type == FD.CPPTYPE_FLOAT:
            return self.number(item, float_text(item))
        if field.cpp_type == FD.CPPTYPE_DOUBLE:
            return self.number(item, repr(item))
        sign, size = "-" if item < 0 else "", abs(item)
        return sign + self.pick(str(size), f"0x{size:x}", f"0X{size:X}", f"0{size:o}")

    def number(self, item: float, text: str) -> str:
        if math.isinf(item):
            return ("-" if item < 0 else "") + self.pick("inf", "INF", "infinity")
        if math.isnan(item):
            return self.pick("nan", "NaN")
        return text + self.pick("", "f")

    def quoted(self, content: bytes) -> str:
        """As one string or several; every byte outside of plain ASCII as an escape."""
        cut = self.random.randint(0, len(content))
        parts = [content] if self.random.random() < 0.6 else [content[:cut], content[cut:]]
        return self.space().join(self.string(part) for part in parts)

    def string(self, content: bytes) -> str:
        quote = self.pick('"', "'")
        plain = {code for code in range(32, 127)} - {ord(quote), ord("\\")}
        escaped = (chr(c) if c in plain else self.pick(f"\\{c:03o}", f"\\x{c:02x}") for c in content)
        return f"{quote}{''.join(escaped)}{quote}"
