"""Recursive descent over a prototxt, driven by the descriptors: no field is known by name.

Beside the message grows a tree of `Block`: for each field that the text gives, where it stands.
"""

from __future__ import annotations

from typing import Any

from google.protobuf.message import Message

from prototxt import complaints, lexer
from prototxt.errors import PrototxtError
from prototxt.lexer import AFTER_VALUE, CLOSER, NAME_PATTERN, SKIP, STRING_PATTERN, TOKEN_PATTERN, WORD_PATTERN
from prototxt.tables import Field, Table, table_of

DEEPEST = 100  # blocks within blocks; protobuf's own limit


class Block(dict):
    """Where the fields of one message stand: field name to offset, Block, or a list of either."""

    __slots__ = ("offset",)

    def __init__(self, offset: int) -> None:
        super().__init__()
        self.offset = offset


class Parser:
    """One run over one text. ``parse(message)`` fills the message and returns its `Block`."""

    def __init__(self, source: lexer.SourceText, lenient: bool = False) -> None:
        self.source = source
        self.text = source.text
        self.lenient = lenient
        self.warnings: list[PrototxtError] = []
        self._open: list[tuple[Table, Block]] = []  # the blocks around the place, outermost first

    def parse(self, message: Message) -> Block:
        """Read the whole text. Raises PrototxtError at the first thing that is wrong."""
        if "\0" in self.text:
            raise self._error(
                self.text.index("\0"),
                "found a NUL character; expected plain text. Is this a binary file? Name the prototxt.",
            )
        block = Block(0)
        self._statements(message, block, "", SKIP.match(self.text).end())
        return block

    def _statements(self, message: Message, block: Block, closer: str, position: int) -> int:
        """Statements up to ``closer`` ("" is the end of the text). Returns the offset behind it."""
        text, match_statement = self.text, lexer.STATEMENT.match
        table = table_of(message.DESCRIPTOR)
        fields = table.fields
        while True:
            match = match_statement(text, position)
            form = match.lastindex if match else 0
            if form == lexer.CLOSE and match[lexer.CLOSE] == closer:
                break
            field = fields.get(match[lexer.NAME]) if form else None
            if field is None:
                if position == len(text) and not closer:
                    break
                position = self._irregular(message, block, closer, position)
                continue
            start = match.start(lexer.NAME)
            if form == lexer.WORD:
                try:
                    value = field.words[match[lexer.WORD]]
                except ValueError as error:
                    raise self._bad_value(field, match.start(lexer.WORD), match[lexer.WORD], error) from None
                self._put(message, block, field, start, value)
                position = match.end()
            elif form == lexer.OPEN:
                end = self._block(message, block, field, start, match.start(lexer.OPEN), match.end())
                position = AFTER_VALUE.match(text, end).end()
            elif field.is_text:
                self._put(message, block, field, start, match[form])
                position = match.end()
            else:
                position = self._irregular(message, block, closer, position)
        for name in table.required:
            if name not in block:
                raise self._missing(name, table, block)
        return match.end() if closer else position

    def _put(self, message: Message, block: Block, field: Field, start: int, value: Any) -> None:
        name = field.name
        if field.repeated:
            getattr(message, name).append(value)
            block.setdefault(name, []).append(start)
        elif name in block and self._is_ours(start) == self._is_ours(block[name]):
            raise self._twice(field, start, block[name])
        elif name not in block or self._is_ours(start):
            setattr(message, name, value)
            block[name] = start

    def _is_ours(self, offset: int) -> bool:
        """Whether Caffe takes what is there for a comment; of two values ours counts, Caffe's is for Caffe."""
        line = self.text.rfind("\n", 0, offset) + 1
        return self.text.rfind(lexer.OURS, line, offset) >= 0

    def _block(self, message: Message, block: Block, field: Field, start: int, opened: int, position: int) -> int:
        """A block whose opening bracket is at ``opened``. Returns the offset behind its closing bracket."""
        name, child_block = field.name, Block(start)
        if field.message_type is None:
            raise self._error(opened, f"{name} is a block here; {field.expected}")
        if field.repeated:
            child = getattr(message, name).add()
            block.setdefault(name, []).append(child_block)
        elif name in block:
            raise self._twice(field, start, block[name].offset)
        else:
            child = getattr(message, name)
            child.SetInParent()
            block[name] = child_block
        if len(self._open) == DEEPEST:
            raise self._error(start, f"blocks are nested more than {DEEPEST} deep; expected fewer. Remove some.")
        self._open.append((table_of(message.DESCRIPTOR), block))
        try:
            end = self._statements(child, child_block, CLOSER[self.text[opened]], position)
        except PrototxtError as error:
            complaints.name_layer(error, child)
            raise
        self._open.pop()
        return end

    # ---- statements that are not of a plain form, word by word ----

    def _irregular(self, message: Message, block: Block, closer: str, position: int) -> int:
        """One statement of any form. Returns the offset behind it."""
        text = self.text
        match = NAME_PATTERN.match(text, position)
        if match is None:
            raise self._no_name(closer, block, position)
        table = table_of(message.DESCRIPTOR)
        field = table.fields.get(match[0])
        after = SKIP.match(text, match.end()).end()
        if field is None:
            return self._unknown(match[0], table, block, closer, position, after)
        colon = text.startswith(":", after)
        value = SKIP.match(text, after + 1).end() if colon else after
        if field.message_type is None and not colon:
            found = complaints.shown(text, after)
            raise self._error(after, f'found {found}; expected ":". Write {field.name}: and its value.')
        if text.startswith("[", value):
            end = self._list(message, block, field, value)
        else:
            end = self._value(message, block, field, position, value)
        return AFTER_VALUE.match(text, end).end()

    def _value(self, message: Message, block: Block, field: Field, start: int, position: int) -> int:
        """One value, or one block. Returns the offset behind it, before any separator."""
        text = self.text
        if text.startswith(("{", "<"), position):
            opened = SKIP.match(text, position + 1).end()
            return self._block(message, block, field, start, position, opened)
        if field.message_type is not None:
            raise self._not_a_value(field, position)
        if text.startswith(('"', "'"), position):
            value, end = self._strings(field, position)
        else:
            value, end = self._word(field, position)
        self._put(message, block, field, start, value)
        return end

    def _list(self, message: Message, block: Block, field: Field, opened: int) -> int:
        text = self.text
        if not field.repeated:
            raise self._error(opened, f"{field.name} is a list; expected one value. Remove the brackets.")
        position = SKIP.match(text, opened + 1).end()
        if text.startswith("]", position):
            return position + 1
        while True:
            end = self._value(message, block, field, position, position)
            position = SKIP.match(text, end).end()
            if text.startswith("]", position):
                return position + 1
            if not text.startswith(",", position):
                found = complaints.shown(text, position)
                raise self._error(position, f'found {found} in a list; expected "," or "]". Add what is missing.')
            position = SKIP.match(text, position + 1).end()

    def _strings(self, field: Field, position: int) -> tuple[str | bytes, int]:
        """Adjacent strings are one value."""
        text, content, first = self.text, b"", position
        while text.startswith(('"', "'"), position):
            match = STRING_PATTERN.match(text, position)
            if match is None:
                expected = f"expected {text[position]} before the end of the line. Add it."
                raise self._error(position, f"the text opened here is not closed; {expected}")
            try:
                content += lexer.unescape(match[match.lastindex])
            except ValueError as error:
                raise self._error(position, str(error)) from None
            end = match.end()
            position = SKIP.match(text, end).end()
        if field.is_bytes:
            return content, end
        if not field.is_text:
            raise self._not_a_value(field, first)
        try:
            return content.decode("utf-8"), end
        except UnicodeDecodeError as error:
            raise self._error(
                first,
                f"{field.name} holds the byte {content[error.start]:#04x}; expected UTF-8. "
                "Write the character itself.",
            ) from None

    def _word(self, field: Field, position: int) -> tuple[Any, int]:
        match = WORD_PATTERN.match(self.text, position)
        if match is None:
            raise self._not_a_value(field, position)
        word = ("-" if match[1] else "") + match[2]
        try:
            return field.words[word], match.end()
        except ValueError as error:
            raise self._bad_value(field, position, word, error) from None

    def _unknown(self, name: str, table: Table, block: Block, closer: str, position: int, after: int) -> int:
        """A field that the message does not have: an error, or a warning and the offset behind it."""
        around = any(name in outer.fields for outer, _ in self._open)
        if around and not self.lenient:
            raise self._unclosed(block, closer, f"before {name} in line {self._line(position)}")
        complaint = self._error(position, complaints.unknown_field(name, table, self._owner(table, block)))
        if not self.lenient:
            raise complaint
        self.warnings.append(complaint)
        colon = self.text.startswith(":", after)
        return AFTER_VALUE.match(self.text, self._skipped(after + colon)).end()

    def _skipped(self, position: int) -> int:
        """The offset behind any value: a word, strings, a list or a block with all that is in it."""
        text, closers, first = self.text, [], SKIP.match(self.text, position).end()
        position = first
        while True:
            match = TOKEN_PATTERN.match(text, position)
            if match is None:
                raise self._error(first, "the value opened here is not closed; expected its end. Close it.")
            token = match[0]
            if token in CLOSER:
                closers.append(CLOSER[token])
            elif token in ("}", ">", "]") and (not closers or token != closers.pop()):
                raise self._error(position, f'found "{token}"; expected a value. Use brackets that match.')
            position = SKIP.match(text, match.end()).end()
            adjacent = token[0] in "\"'" and text.startswith(('"', "'"), position)
            if not closers and not adjacent:
                return match.end()

    # ---- errors ----

    def _error(self, offset: int, message: str) -> PrototxtError:
        return PrototxtError(message, location=self.source.location(offset))

    def _line(self, offset: int) -> int:
        return self.source.location(offset).line

    def _owner(self, table: Table, block: Block) -> str:
        """How the text calls a message: the name of its field, or its type where it has none."""
        match = NAME_PATTERN.match(self.text, block.offset)
        return match[0] if match and self._open else table.name

    def _bad_value(self, field: Field, position: int, word: str, error: ValueError) -> PrototxtError:
        return self._error(position, f"{field.name} is {complaints.shortened(word)}; {error}")

    def _not_a_value(self, field: Field, position: int) -> PrototxtError:
        if position == len(self.text) or self.text[position] in "}>],;:":
            return self._error(position, f"{field.name} has no value; {field.expected}")
        return self._error(position, f"{field.name} is {complaints.shown(self.text, position)}; {field.expected}")

    def _twice(self, field: Field, start: int, first: int) -> PrototxtError:
        before = f"{field.name} is given twice, first in line {self._line(first)}"
        return self._error(start, f"{before}; expected it once. Remove one of the two.")

    def _missing(self, name: str, table: Table, block: Block) -> PrototxtError:
        owner = self._owner(table, block)
        return self._error(block.offset, f"{owner} has no {name}; expected one. Add {name}: and its value.")

    def _unclosed(self, block: Block, closer: str, where: str) -> PrototxtError:
        name = NAME_PATTERN.match(self.text, block.offset)
        which = f"the {name[0]} block" if name else "the block"
        return self._error(block.offset, f'{which} opened here is not closed {where}; expected "{closer}". Add it.')

    def _no_name(self, closer: str, block: Block, position: int) -> PrototxtError:
        """Something stands where a field name or the end of the block should."""
        found = complaints.shown(self.text, position)
        if position == len(self.text):
            return self._unclosed(block, closer, "before the end of the text")
        if self.text[position] == "[":
            return self._error(position, f"found {found}; expected a field name. Extensions are unknown: remove it.")
        if self.text[position] not in "}>":
            end = f' or "{closer}"' if closer else ""
            return self._error(position, f"found {found}; expected a field name{end}. Remove it or name its field.")
        if not closer:
            return self._error(position, f"found {found} outside of any block; expected a field name. Remove it.")
        opened = f"which closes the block opened in line {self._line(block.offset)}"
        return self._error(position, f'found {found}; expected "{closer}", {opened}. Use brackets that match.')
