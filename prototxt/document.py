"""A definition that was read: its message, its text, and where in the text each field stands."""

from __future__ import annotations

import re
from typing import Generic, TypeVar

from google.protobuf.message import Message

from prototxt.errors import Location, PrototxtError
from prototxt.lexer import SourceText
from prototxt.parser import Block
from prototxt.upgrade.paths import PathMap

M = TypeVar("M", bound=Message)

_STEP = re.compile(r"(\w+)(?:\[(\d+)\])?")


class Document(Generic[M]):
    """A message and the text it came from.

    Attributes: ``message``; ``filename``; ``text``; ``warnings``, what was skipped or ignored while
    reading, as `PrototxtError`s with their places; ``path_map``, where fields moved in an upgrade.
    """

    def __init__(
        self,
        message: M,
        source: SourceText,
        block: Block,
        path_map: PathMap | None = None,
        warnings: list[PrototxtError] | None = None,
        root: str = "",
    ) -> None:
        self.message = message
        self.path_map = PathMap() if path_map is None else path_map
        self.warnings = warnings if warnings is not None else []
        self._source = source
        self._block = block
        self._root = root

    @property
    def filename(self) -> str:
        return self._source.filename

    @property
    def text(self) -> str:
        return self._source.text

    def location(self, path: str = "") -> Location:
        """Where the field at ``path``, such as ``layer[3].pooling_param.pad``, stands in the text.

        A field that the text does not give has the place of the nearest message around it. Paths are
        those of ``message``, after any upgrade: a layer that came from ``layers`` is found all the same.
        """
        if self._root:
            path = f"{self._root}.{path}" if path else self._root
        offset = _offset(self._block, self.path_map.source(path))
        return Location(self.filename) if offset is None else self._source.location(offset)

    def inner(self, path: str) -> Document:
        """The document of a message within this one, such as a solver's ``net_param``."""
        message = self.message
        for name, index in _STEP.findall(path):
            message = getattr(message, name)
            message = message[int(index)] if index else message
        root = f"{self._root}.{path}" if self._root else path
        return Document(message, self._source, self._block, self.path_map, self.warnings, root)


def _offset(block: Block, path: str) -> int | None:
    """The offset of a path in the text, or of what is nearest around it; None for nothing at all."""
    offset = None
    place: Block | int = block
    for name, index in _STEP.findall(path):
        found = place.get(name) if isinstance(place, Block) else None
        if isinstance(found, list):
            found = found[int(index or 0)] if int(index or 0) < len(found) else None
        if found is None:
            break
        place = found
        offset = place.offset if isinstance(place, Block) else place
    return offset
