"""Reading a whole file, and saying what a file that is not the wanted one seems to be."""

from __future__ import annotations

import mmap
import os
import re

import numpy as np

from netdef.errors import Location, WeightsError
from netdef.weights.wire import WireError

HDF5_SIGNATURE = b"\x89HDF\r\n\x1a\n"

_SIGNATURES = [
    (HDF5_SIGNATURE, "an HDF5 file"),
    (b"version https://git-lfs", "a Git LFS pointer instead of the file itself; fetch it with git lfs pull"),
    (b"PK\x03\x04", "a zip archive (PyTorch and Keras write such files)"),
    (b"\x1f\x8b", "a gzip archive; unpack it first"),
    (b"7z\xbc\xaf", "a 7z archive; unpack it first"),
    (b"\x89PNG", "a PNG image"),
    (b"\xff\xd8\xff", "a JPEG image"),
    (b"\x80\x02", "a Python pickle"),
    (b"\x93NUMPY", "a NumPy array file"),
    (b"\x7fELF", "a program"),
]


def read_file(path: str | os.PathLike[str], what: str) -> bytes:
    """All bytes of a file; a WeightsError that names ``what`` was wanted where it cannot be read or is empty."""
    path = os.fspath(path)
    try:
        with open(path, "rb") as file:
            content = file.read()
    except OSError as error:
        raise WeightsError(
            f"cannot be read: {error.strerror or error}; {what} is expected. Check the path.", location=Location(path)
        ) from error
    if not content:
        raise WeightsError(
            f"is empty; {what} is expected. It was probably cut off while it was written or copied.",
            location=Location(path),
        )
    return content


def map_file(path: str | os.PathLike[str], what: str) -> memoryview:
    """The bytes of a file, which come into memory where they are looked at; errors as `read_file`."""
    try:
        with open(path, "rb") as file:
            return memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
    except (OSError, ValueError):  # nothing that can be mapped: a pipe, an empty file, none at all
        return memoryview(read_file(path, what))


def let_go(array: np.ndarray) -> None:
    """Take the bytes of ``array`` out of memory again if it is a view of a mapped file; a later look reads them."""
    base = array
    while isinstance(base, np.ndarray):
        base = base.base
    file = base.obj if isinstance(base, memoryview) else None
    if not isinstance(file, mmap.mmap) or not hasattr(file, "madvise") or not array.size:
        return
    start = array.ctypes.data - np.frombuffer(file, np.uint8).ctypes.data
    first = -(-start // mmap.PAGESIZE) * mmap.PAGESIZE  # the pages at either end may hold something else
    last = (start + array.nbytes) // mmap.PAGESIZE * mmap.PAGESIZE
    if last > first:
        file.madvise(mmap.MADV_DONTNEED, first, last - first)


def resembles(content: bytes) -> str:
    """What a foreign file seems to be, or ``""``."""
    for signature, name in _SIGNATURES:
        if content.startswith(signature):
            return name
    head = content[:512].lstrip()
    if head[:1] == b"<":
        return "a web page; the download probably failed"
    if re.match(rb"(#[^\n]*\n\s*)*[a-z_]+\s*[:{]", head) and b"\0" not in content[:4096]:
        return "prototxt text"
    return ""


def is_hdf5(path: str | os.PathLike[str]) -> bool:
    """Whether the file starts as HDF5 files do."""
    try:
        with open(path, "rb") as file:
            return file.read(8) == HDF5_SIGNATURE
    except OSError:
        return False


def unreadable(
    path: str | os.PathLike[str], content: bytes, error: WireError, what: str, where: str = ""
) -> WeightsError:
    """The WeightsError for a file in which a `WireError` turned up while reading ``where``."""
    alien = resembles(content)
    place = f", {where}" if where else ""
    if alien:
        found = f"seems to be {alien}; {what} is expected. Name the right file."
    elif error.truncated:
        found = (
            f"ends at byte {len(content)}{place}, before it is complete ({error.message}); all of {what} is expected. "
            "It was cut off; take another copy or an older snapshot."
        )
    else:
        found = (
            f"is damaged or no {what.split(' ', 1)[1]}: {error.message} (byte {error.offset}{place}); "
            f"{what} is expected. Take another copy or an older snapshot."
        )
    return WeightsError(found, location=Location(os.fspath(path)))
