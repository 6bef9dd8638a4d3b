"""Makes the files of bad input that are not text; each function writes at the path it is given."""

from __future__ import annotations

from pathlib import Path


def binary_text(path: Path) -> None:
    path.write_bytes(b"\x0a\x05LeNet\x00\x01")


def latin_text(path: Path) -> None:
    path.write_bytes(b'name: "caf\xe9"\n')
