"""The words of a prototxt: patterns, escapes and the way from an offset to line and column.

A definition is nearly all statements of four plain forms, so one pattern, `STATEMENT`, takes a whole
statement at a time; what it does not match goes through the smaller patterns, word by word.
Every pattern can match in one way only, so that a malformed text never makes it try again and again.
"""

from __future__ import annotations

import re
from bisect import bisect_right

from prototxt.errors import Location

# What opens what only netdef reads: Caffe takes the line for a comment, here the rest of it counts.
OURS = "#netdef "
_SKIP = r"\s*(?:\#(?:netdef[ ]\s*|(?!netdef[ ])[^\n]*(?:\n\s*|\Z)))*"
_AFTER_VALUE = rf"{_SKIP}(?:[,;]{_SKIP})?"
_NOT_A_STRING = r"(?:(?=[^\"'\s\#,;])|\Z)"

# Which group of STATEMENT matched last says which form the statement has.
NAME, OPEN, DOUBLE_QUOTED, SINGLE_QUOTED, WORD, CLOSE = range(1, 7)
STATEMENT = re.compile(
    rf"""(?:
      ([A-Za-z_]\w*) {_SKIP}
      (?: :? {_SKIP} ([{{<]) {_SKIP}                                    # name {{
        | : {_SKIP}
          (?: "([^"\\\n]*)" {_AFTER_VALUE} {_NOT_A_STRING}              # name: "plain text"
            | '([^'\\\n]*)' {_AFTER_VALUE} {_NOT_A_STRING}
            | (-?[\w.][\w.+-]*) {_AFTER_VALUE}                          # name: word
          )
      )
      | ([}}>])
    )""",
    re.VERBOSE | re.ASCII,
)

SKIP = re.compile(_SKIP, re.ASCII)
AFTER_VALUE = re.compile(_AFTER_VALUE, re.ASCII)
NAME_PATTERN = re.compile(r"[A-Za-z_]\w*", re.ASCII)
WORD_PATTERN = re.compile(rf"(-{_SKIP})?([\w.][\w.+-]*)", re.ASCII)
STRING_PATTERN = re.compile(r"\"([^\"\\\n]*(?:\\.[^\"\\\n]*)*)\"|'([^'\\\n]*(?:\\.[^'\\\n]*)*)'", re.ASCII)
# One token of a value that is skipped: a string, a word, or a single character.
TOKEN_PATTERN = re.compile(rf"(?:{STRING_PATTERN.pattern}|-?[\w.][\w.+-]*|\S)", re.ASCII)

CLOSER = {"{": "}", "<": ">", "[": "]"}

_ESCAPE = re.compile(rb"\\(?:([0-7]{1,3})|x([0-9a-fA-F]{1,2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|([abfnrtv\\?'\"])|)")
_PLAIN_ESCAPES = {
    b"a": b"\a", b"b": b"\b", b"f": b"\f", b"n": b"\n", b"r": b"\r", b"t": b"\t", b"v": b"\v",
    b"\\": b"\\", b"?": b"?", b"'": b"'", b'"': b'"',
}  # fmt: skip


def unescape(content: str) -> bytes:
    """What stands between two quotes, as bytes. Raises ValueError with a sentence for a bad escape."""
    return _ESCAPE.sub(_escaped, content.encode("utf-8"))


def _escaped(match: re.Match[bytes]) -> bytes:
    octal, hexadecimal, short, long, plain = match.groups()
    if plain:
        return _PLAIN_ESCAPES[plain]
    if octal or hexadecimal:
        code = int(octal, 8) if octal else int(hexadecimal, 16)
        if code <= 0xFF:
            return bytes([code])
    elif short or long:
        code = int(short or long, 16)
        if code <= 0x10FFFF and not 0xD800 <= code <= 0xDFFF:
            return chr(code).encode("utf-8")
    found = match.string[match.start() : match.start() + max(2, len(match[0]))].decode("utf-8", "replace")
    raise ValueError(
        f"the text has the escape {found}; expected one of \\n \\t \\r \\\" \\' \\\\, "
        "\\ooo from \\000 to \\377, \\xhh, or the \\uhhhh of a character. "
        "Write \\\\ for a backslash."
    )


class SourceText:
    """A text and its file name; turns offsets into locations. Lines are looked for at the first question."""

    def __init__(self, text: str, filename: str) -> None:
        self.text = text
        self.filename = filename
        self._line_starts: list[int] | None = None

    def location(self, offset: int) -> Location:
        """The line and column, from 1, of a character."""
        starts = self._starts()
        line = bisect_right(starts, offset)
        start = starts[line - 1]
        end = starts[line] - 1 if line < len(starts) else len(self.text)
        source_line = self.text[start:end].removesuffix("\r")
        return Location(self.filename, line, offset - start + 1, source_line)

    def _starts(self) -> list[int]:
        if self._line_starts is None:
            ends = (match.end() for match in re.finditer("\n", self.text))
            self._line_starts = [0, *ends]
        return self._line_starts
