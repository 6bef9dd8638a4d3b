"""Darknet's cfg files: sections of options, each with its place in the text.

A line holds ``[section]`` or ``key=value``, or several of them one after the other; ``#`` and ``;`` begin a comment.
Source: Darknet src/parser.c (read_cfg), src/option_list.c.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from math import isfinite
from typing import Any, NoReturn, TypeVar

from netdef.errors import Location, NetError, suggestion
from netdef.weights.files import read_file

Number = TypeVar("Number", int, float)

_COMMENT = re.compile(r"[#;].*")
_SECTION = re.compile(r"\[\s*(\w+)\s*\]")
_OPTION = re.compile(r"(\w+)\s*=\s*(.*?)\s*(?=\w+\s*=|\[|$)")


@dataclass(frozen=True)
class Option:
    """The text behind ``key=`` and where the key stands."""

    value: str
    location: Location


@dataclass
class Section:
    """One ``[name]`` and its options; every question for an option notes that it was asked."""

    name: str
    location: Location
    options: dict[str, Option] = field(default_factory=dict)
    asked: set[str] = field(default_factory=set)

    def fail(self, message: str, key: str = "") -> NoReturn:
        """Raise a NetError at ``key``, or at the section where it is not given."""
        location = self.options[key].location if key in self.options else self.location
        raise NetError(f"[{self.name}] {message}", location=location)

    def text(self, key: str, default: str) -> str:
        self.asked.add(key)
        return self.options[key].value if key in self.options else default

    def has(self, key: str) -> bool:
        self.asked.add(key)
        return key in self.options

    def integer(self, key: str, default: int | None = None, least: int | None = None) -> int:
        """A whole number, at least ``least``; without ``default`` it must be there."""
        return self._number(key, default, least, int, "a whole number")

    def number(self, key: str, default: float | None = None, least: float | None = None) -> float:
        return self._number(key, default, least, _finite, "a number")

    def flag(self, key: str, default: bool = False) -> bool:
        return self.integer(key, int(default)) != 0

    def integers(self, key: str) -> list[int]:
        return self._list(key, int, "whole numbers")

    def numbers(self, key: str) -> list[float]:
        return self._list(key, _finite, "numbers")

    def unasked(self) -> list[str]:
        """Keys that nobody asked for."""
        return [key for key in self.options if key not in self.asked]

    def nearest(self, key: str) -> str:
        return suggestion(key, self.asked)

    def _number(
        self, key: str, default: Number | None, least: Number | None, kind: Callable[[str], Number], expected: str
    ) -> Number:
        self.asked.add(key)
        if least is not None:
            expected += f", {least:g} or more"
        if key not in self.options:
            if default is None:
                near = suggestion(key, self.unasked())
                self.fail(f"has no {key}; expected {expected}.{near} Add {key}=….")
            return default
        value = _convert(self.options[key].value, kind)
        if value is None or (least is not None and value < least):
            self.fail(f'{key} is "{self.options[key].value}"; expected {expected}. Correct it.', key)
        return value

    def _list(self, key: str, kind: Callable[[str], Any], expected: str) -> list[Any]:
        self.asked.add(key)
        if key not in self.options:
            return []
        words = [word for word in self.options[key].value.split(",") if word.strip()]
        values = [_convert(word, kind) for word in words]
        if None in values:
            wrong = words[values.index(None)].strip()
            self.fail(f'{key} has "{wrong}"; expected {expected}, separated by commas. Correct it.', key)
        return values


def read_cfg(path: str | os.PathLike[str]) -> list[Section]:
    """The sections of a cfg file. Raises: WeightsError when it cannot be read, NetError for its text."""
    content = read_file(path, "a Darknet cfg")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise NetError(
            f"byte {error.start} is not text; expected a Darknet cfg. Name the cfg, not the weights.",
            location=Location(os.fspath(path)),
        ) from error
    return parse_cfg(text, os.fspath(path))


def parse_cfg(text: str, filename: str = "<cfg>") -> list[Section]:
    """The sections in ``text``. Of an option that is given twice the first counts, as in Darknet."""
    sections: list[Section] = []
    for number, line in enumerate(text.splitlines(), 1):
        _parse_line(line, number, filename, sections)
    if not sections:
        raise NetError(
            "has no section; expected [net] and the sections of its layers. Name a Darknet cfg.",
            location=Location(filename),
        )
    return sections


def _parse_line(line: str, number: int, filename: str, sections: list[Section]) -> None:
    content = _COMMENT.sub("", line).rstrip()
    position = len(content) - len(content.lstrip())
    while position < len(content):
        location = Location(filename, number, position + 1, line)
        if section := _SECTION.match(content, position):
            sections.append(Section(section[1], location))
            position = section.end()
        elif option := _OPTION.match(content, position):
            if not sections:
                raise NetError(f'"{option[1]}" stands before any section; expected [net] first.', location=location)
            _take(sections[-1], option[1], Option(option[2], location))
            position = option.end()
        else:
            raise NetError(
                f'found "{content[position:]}"; expected [section] or key=value. Correct the line.', location=location
            )
        position += len(content[position:]) - len(content[position:].lstrip())


def _take(section: Section, key: str, option: Option) -> None:
    if not option.value:
        raise NetError(
            f"[{section.name}] {key} has no value; expected {key}=…. Complete the line.", location=option.location
        )
    section.options.setdefault(key, option)


def _convert(text: str, kind: Callable[[str], Any]) -> Any:
    """``kind(text)``, or None."""
    try:
        return kind(text)
    except ValueError:
        return None


def _finite(text: str) -> float:
    value = float(text)
    if not isfinite(value):
        raise ValueError(text)
    return value
