"""The root of netdef's errors, and where in a text an error is.

    NetdefError                 anything a user can put right        exit status 1
    ├── PrototxtError           a text that is not a valid definition
    └── (netdef.errors)         UsageError, NetError, LayerError, …

Every error is one sentence, ``file:line:column: layer "name" (Type): found; expected. What to do.``,
followed, where the text is known, by the source line and a caret.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass

EXCERPT_WIDTH = 160  # characters of a source line


@dataclass(frozen=True)
class Location:
    """A place in a text. ``line`` and ``column`` count from 1; 0 means that only the file is known."""

    filename: str
    line: int = 0
    column: int = 0
    source_line: str = ""

    def __str__(self) -> str:
        return f"{self.filename}:{self.line}:{self.column}" if self.line else self.filename

    def excerpt(self) -> str:
        """The source line with a caret below the column; tabs stay tabs so that the caret stands right.

        Characters that a terminal would obey instead of showing are replaced; of a very long line, the part
        around the column is shown.
        """
        if not self.source_line:
            return ""
        first = max(0, self.column - 1 - EXCERPT_WIDTH // 2) if len(self.source_line) > EXCERPT_WIDTH else 0
        line = "".join(
            character if character.isprintable() or character == "\t" else "\N{REPLACEMENT CHARACTER}"
            for character in self.source_line[first : first + EXCERPT_WIDTH]
        )
        lead = line[: self.column - 1 - first]
        padding = "".join("\t" if character == "\t" else " " for character in lead)
        return f"  {line}\n  {padding}^"


class NetdefError(Exception):
    """Something a user can put right.

    Attributes: ``message`` (the sentence without its place), ``location`` (a `Location` or None),
    ``layer_name``, ``layer_type``, ``field`` ("" where they do not apply), ``exit_code``.
    """

    exit_code = 1

    def __init__(
        self,
        message: str,
        *,
        location: Location | None = None,
        layer_name: str = "",
        layer_type: str = "",
        field: str = "",
    ) -> None:
        super().__init__(message)
        self.message = message
        self.location = location
        self.layer_name = layer_name
        self.layer_type = layer_type
        self.field = field

    @property
    def filename(self) -> str:
        return self.location.filename if self.location else ""

    @property
    def line(self) -> int:
        return self.location.line if self.location else 0

    @property
    def column(self) -> int:
        return self.location.column if self.location else 0

    def sentence(self) -> str:
        """The message with its place and layer in front, on one line."""
        parts = [str(self.location)] if self.location else []
        if self.layer_name or self.layer_type:
            kind = f" ({self.layer_type})" if self.layer_type else ""
            parts.append(f'layer "{self.layer_name}"{kind}')
        return ": ".join([*parts, self.message])

    def __str__(self) -> str:
        excerpt = self.location.excerpt() if self.location else ""
        return f"{self.sentence()}\n{excerpt}" if excerpt else self.sentence()


class PrototxtError(NetdefError):
    """A text that is not a valid definition: the place is always known."""


def suggestion(name: str, known: Iterable[str]) -> str:
    """``' Did you mean "kernel_size"?'`` for the nearest of the known names, or ``""``."""
    lowered = {candidate.lower(): candidate for candidate in known}
    near = difflib.get_close_matches(name.lower(), lowered, n=1, cutoff=0.6)
    return f' Did you mean "{lowered[near[0]]}"?' if near else ""
