"""From a file or a text to a `Document`."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from google.protobuf.message import Message

from prototxt import schema
from prototxt.document import Document
from prototxt.errors import Location, PrototxtError
from prototxt.lexer import SourceText
from prototxt.parser import Parser
from prototxt.upgrade import upgrade_net, upgrade_solver
from prototxt.upgrade.paths import PathMap, Warnings

M = TypeVar("M", bound=Message)


def parse(text: str, message_type: type[M], filename: str = "<text>", lenient: bool = False) -> Document[M]:
    """Read a text as a message of the given type, without any upgrade.

    ``lenient`` skips fields that the type does not have and lists them in ``Document.warnings``.
    Raises PrototxtError at the first thing that is wrong.
    """
    source = SourceText(text.removeprefix("\ufeff"), filename)
    parser = Parser(source, lenient)
    message = message_type()
    block = parser.parse(message)
    return Document(message, source, block, warnings=parser.warnings)


def read(path: str | os.PathLike, message_type: type[M], lenient: bool = False) -> Document[M]:
    """`parse` of a file. Raises PrototxtError too where the file cannot be read or is not UTF-8."""
    return parse(read_text(path), message_type, os.fspath(path), lenient)


def read_text(path: str | os.PathLike) -> str:
    """The text of a file, as UTF-8."""
    filename = os.fspath(path)
    try:
        content = Path(path).read_bytes()
    except FileNotFoundError:
        raise PrototxtError("no such file; expected a prototxt. Check the path.", location=Location(filename)) from None
    except IsADirectoryError:
        raise PrototxtError(
            "this is a folder; expected a prototxt. Name a file in it.", location=Location(filename)
        ) from None
    except OSError as error:
        reason = error.strerror or str(error)
        raise PrototxtError(
            f"the file cannot be read ({reason}); expected a prototxt. Check the file and its permissions.",
            location=Location(filename),
        ) from None
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        before = content[: error.start].decode("utf-8") + "\N{REPLACEMENT CHARACTER}"
        raise PrototxtError(
            f"found the byte {content[error.start]:#04x}; expected UTF-8. "
            "Save the file as UTF-8; or is it a binary file?",
            location=SourceText(before, filename).location(len(before) - 1),
        ) from None


def parse_net(text: str, filename: str = "<text>", lenient: bool = False) -> Document[schema.NetParameter]:
    """Read a net; old syntax (V0, V1, net-level inputs, old transform fields) is upgraded.

    Positions hold for the upgraded message. What an upgrade left out is in ``Document.warnings``.
    """
    return _upgraded(parse(text, schema.NetParameter, filename, lenient), upgrade_net)


def load_net(path: str | os.PathLike, lenient: bool = False) -> Document[schema.NetParameter]:
    """`parse_net` of a file."""
    return parse_net(read_text(path), os.fspath(path), lenient)


def parse_solver(text: str, filename: str = "<text>", lenient: bool = False) -> Document[schema.SolverParameter]:
    """Read a solver; a numeric ``solver_type`` becomes a ``type``, and nets written in it are upgraded."""
    return _upgraded(parse(text, schema.SolverParameter, filename, lenient), upgrade_solver)


def load_solver(path: str | os.PathLike, lenient: bool = False) -> Document[schema.SolverParameter]:
    """`parse_solver` of a file.

    A missing ``snapshot_prefix`` becomes the file's path without its ending; one that is a folder gets
    the file's name behind it (upgrade_proto.cpp:1090-1113).
    """
    document = parse_solver(read_text(path), os.fspath(path), lenient)
    solver, file = document.message, Path(path)
    if not solver.HasField("snapshot_prefix"):
        solver.snapshot_prefix = str(file.with_suffix(""))
    elif os.path.isdir(solver.snapshot_prefix):
        solver.snapshot_prefix = os.path.join(solver.snapshot_prefix, file.stem)
    return document


def _upgraded(document: Document[M], upgrade: Callable) -> Document[M]:
    """Run an upgrade and give its errors and warnings their places."""
    warnings: Warnings = []
    path_map = PathMap()
    try:
        upgrade(document.message, path_map, warnings)
    except PrototxtError as error:
        error.location = document.location(error.field)
        raise
    document.warnings += [PrototxtError(text, location=document.location(path)) for path, text in warnings]
    document.path_map = path_map
    return document
