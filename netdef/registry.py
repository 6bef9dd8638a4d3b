"""Names of prototxt mapped to the Python that serves them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Generic, TypeVar

from netdef.errors import NetdefError, suggestion

Entry = TypeVar("Entry")


class Registry(Generic[Entry]):
    """A table from a prototxt name to a class or function.

    ``kind`` names the entries in messages: ``Registry("layer type")``.
    """

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self._entries: dict[str, Entry] = {}

    def register(self, name: str) -> Callable[[Entry], Entry]:
        """A decorator that files its object under ``name``; a name is given once only."""

        def file(entry: Entry) -> Entry:
            if name in self._entries:
                raise TypeError(f"{self.kind} {name!r} is registered twice: {self._entries[name]!r} and {entry!r}")
            self._entries[name] = entry
            return entry

        return file

    def get(self, name: str) -> Entry:
        """The entry called ``name``; a NetdefError with the nearest name and the whole list otherwise."""
        try:
            return self._entries[name]
        except KeyError:
            raise NetdefError(self.unknown(name)) from None

    def unknown(self, name: str) -> str:
        """The sentence for a name that nobody registered."""
        known = ", ".join(self.names())
        return f'unknown {self.kind} "{name}".{suggestion(name, self._entries)} Known: {known}.'

    def names(self) -> list[str]:
        return sorted(self._entries)

    def __contains__(self, name: str) -> bool:
        return name in self._entries

    def __iter__(self) -> Iterator[str]:
        return iter(self.names())
