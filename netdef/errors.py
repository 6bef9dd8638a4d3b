"""Every error that netdef raises for something a user can put right.

    NetdefError                     exit status 1        (prototxt.errors)
    ├── PrototxtError               a text that is not a valid definition
    ├── UsageError                  wrong command line    exit status 2
    ├── NetError                    a graph that cannot be built or run
    │   └── LayerError              one layer, one field
    ├── DataError                   a database, record, image or label
    ├── WeightsError                a caffemodel or solverstate
    └── SolverError                 a solver definition or a run that went wrong

Deep code raises `LayerError(message, field)`; `netdef.net.Net` adds the file, the position and the
layer, so that the sentence reads ``file:line:column: layer "name" (Type): found; expected. What to do.``
"""

from __future__ import annotations

from typing import Any

from prototxt.errors import Location, NetdefError, PrototxtError, suggestion

__all__ = [
    "DataError",
    "LayerError",
    "Location",
    "NetError",
    "NetdefError",
    "PrototxtError",
    "SolverError",
    "UsageError",
    "WeightsError",
    "suggestion",
]


class UsageError(NetdefError):
    """A command line or a call that cannot be understood."""

    exit_code = 2


class NetError(NetdefError):
    """A graph that cannot be built, wired or run."""


class LayerError(NetError):
    """What is wrong with one layer. ``field`` is a path below the layer: ``"pooling_param.pad"``."""

    def __init__(self, message: str, field: str = "", **place: Any) -> None:
        super().__init__(message, field=field, **place)


class DataError(NetdefError):
    """A database, record, image, mean file or label that cannot be used."""


class WeightsError(NetdefError):
    """A file of weights or of solver state that cannot be read, written or applied."""


class SolverError(NetdefError):
    """A solver definition that makes no sense, or a run that cannot go on."""
