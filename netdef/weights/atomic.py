"""Files that are written whole or not at all.

The content goes to a temporary name in the same folder, is forced to disk, and is then renamed over the target;
the rename is forced to disk too. Whenever the process dies, the target is the old file or the new one.
"""

from __future__ import annotations

import errno
import os
import re
import secrets
import stat
from collections.abc import Callable, Iterable
from typing import BinaryIO, NoReturn

from netdef.errors import Location, WeightsError

Content = bytes | bytearray | memoryview | Iterable | Callable[[BinaryIO], None]

_ADVICE = {
    errno.ENOSPC: "The disk is full; make room or write to another folder.",
    errno.EDQUOT: "The quota is used up; make room or write to another folder.",
    errno.EFBIG: "The file is larger than the system permits here; raise the limit or write to another folder.",
    errno.EROFS: "The folder is on a read-only disk; write to another one.",
    errno.EACCES: "Make the folder writable or write to another one.",
    errno.EPERM: "Make the folder writable or write to another one.",
    errno.ENOENT: "Create the folder first, or name another one.",
    errno.ENOTDIR: "Name a path whose parent is a folder.",
}


def write_atomically(path: str | os.PathLike[str], content: Content) -> None:
    """Write ``content`` to ``path`` so that a reader sees the old file or the whole new one, never a part.

    Parameters
    ----------
    path : str or path
        The target; its folder must exist. A symbolic link is followed.
    content : bytes, iterable of bytes, or callable
        A callable is given the open binary file and writes to it.

    Raises
    ------
    WeightsError
        Where it cannot be written; the target is as it was and no temporary file is left.
    """
    path = os.fspath(path)
    target = os.path.realpath(path)
    folder, name = os.path.split(target)
    if os.path.isdir(target):
        raise WeightsError(
            "cannot be written: it is a folder; a file name is expected. Name a file in it.", location=Location(path)
        )
    _remove_stale(folder, name)
    temporary = os.path.join(folder, f".{name}.{os.getpid()}-{secrets.token_hex(4)}.tmp")
    try:
        _write_synced(temporary, content)
        _keep_mode(target, temporary)
        os.replace(temporary, target)
        _sync_folder(folder)
    except OSError as error:
        _fail(path, error)
    finally:
        _remove(temporary)


def check_writable(path: str | os.PathLike[str]) -> None:
    """Raise the WeightsError that `write_atomically` would meet at ``path`` now, before hours of training."""
    path = os.fspath(path)
    folder, name = os.path.split(os.path.realpath(path))
    _remove_stale(folder, name)
    probe = os.path.join(folder, f".{name}.{os.getpid()}-{secrets.token_hex(4)}.tmp")
    try:
        os.close(os.open(probe, os.O_WRONLY | os.O_CREAT | os.O_EXCL))
    except OSError as error:
        _fail(path, error)
    finally:
        _remove(probe)


def _write_synced(temporary: str, content: Content) -> None:
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o666)
    with os.fdopen(descriptor, "wb") as file:
        if callable(content):
            content(file)
        else:
            chunks = [content] if isinstance(content, (bytes, bytearray, memoryview)) else content
            for chunk in chunks:
                file.write(chunk)
        file.flush()
        os.fsync(file.fileno())


def _keep_mode(target: str, temporary: str) -> None:
    """A file that is replaced keeps its permissions."""
    if os.path.exists(target):
        os.chmod(temporary, stat.S_IMODE(os.stat(target).st_mode))


def _sync_folder(folder: str) -> None:
    if not hasattr(os, "O_DIRECTORY"):  # a system whose folders cannot be opened
        return
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _remove(temporary: str) -> None:
    if os.path.exists(temporary):
        os.remove(temporary)


def _remove_stale(folder: str, name: str) -> None:
    """Clear away temporary files of this target whose process was killed."""
    pattern = re.compile(rf"\.{re.escape(name)}\.(\d+)-[0-9a-f]{{8}}\.tmp")
    try:
        found = [(entry, pattern.fullmatch(entry)) for entry in os.listdir(folder)]
    except OSError:
        return  # writing will meet the same cause and say it
    for entry, match in found:
        if match and not _alive(int(match.group(1))):
            _remove(os.path.join(folder, entry))


def _alive(process: int) -> bool:
    if os.name == "nt":  # there signal 0 is not a question
        return True
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


def _fail(path: str, error: OSError) -> NoReturn:
    cause = error.strerror or str(error)
    folder = os.path.dirname(path) or "."
    advice = _ADVICE.get(error.errno, "Write to another folder.")
    raise WeightsError(f'cannot be written in folder "{folder}": {cause}. {advice}', location=Location(path)) from error
