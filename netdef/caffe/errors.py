"""Errors with the types that pycaffe raises."""

from __future__ import annotations

import os

from netdef.errors import NetdefError


class CaffeError(NetdefError, RuntimeError):
    """What pycaffe raises as RuntimeError: a file that is not there, an array that does not fit."""


def check_file(path: object) -> None:
    """RuntimeError, in pycaffe's words, where ``path`` is a path and no file is there."""
    if isinstance(path, (str, os.PathLike)) and not os.path.isfile(path):
        raise CaffeError(f"Could not open file {path}. Correct the path; it counts from {os.getcwd()}.")
