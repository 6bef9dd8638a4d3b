"""Compiled kernels on disk, one file for each kernel, argument types and CPU.

Numba's own cache numbers the compiled forms of a function and keeps the numbers in an index: two processes that
compile different forms at once may give both the same number, and a later one runs the wrong code. Here a file's name
says all that its code depends on, so nothing can be taken for something else, and a file appears whole or not at all.

A cache folder is called ``kernels-<state>`` after the source of all kernels, Python's and Numba's versions. It lies in
``NUMBA_CACHE_DIR`` if that is set; else beside the kernels, where whoever installs netdef may fill it for all users;
and what cannot be written there goes into the user's own cache, which is read as well.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import os
import pickle
import re
import shutil
import sys
import time
import uuid
import warnings
from collections.abc import Callable
from pathlib import Path

import llvmlite
import numba
from numba.core.compiler import CompileResult
from numba.core.serialize import dumps

from netdef import notices

__all__ = ["KernelCache", "cache_folders", "state_of_kernels", "writable_folder"]

KEPT = 4  # cache folders of other states: going back to an older netdef need not compile anew
SUFFIX = ".kernel"
DAY = 86400.0


@functools.cache
def state_of_kernels() -> str:
    """What all compiled code depends on but for the CPU, as 12 hexadecimal digits."""
    state = hashlib.sha256(f"{sys.implementation.cache_tag} {numba.__version__} {llvmlite.__version__}".encode())
    for file in sorted(Path(__file__).parent.glob("*.py")):
        state.update(file.read_bytes())
    return state.hexdigest()[:12]


def cache_folders() -> list[Path]:
    """Where compiled kernels are looked for, in this order; new ones go into the first that can be written."""
    named = numba.config.CACHE_DIR
    bases = [Path(named)] if named else [Path(__file__).parent / "__pycache__", _user_cache()]
    return [base / f"kernels-{state_of_kernels()}" for base in bases]


def _user_cache() -> Path:
    if os.name == "nt" and os.environ.get("LOCALAPPDATA"):
        return Path(os.environ["LOCALAPPDATA"]) / "netdef"
    home = os.path.expanduser("~")  # "~" itself where there is no home
    return Path(os.environ.get("XDG_CACHE_HOME") or Path(home) / ".cache") / "netdef"


class KernelCache:
    """The cache of one function, with the methods that Numba's dispatchers call."""

    def __init__(self, function: Callable) -> None:
        self._name = f"{function.__module__.rpartition('.')[2]}.{function.__qualname__}"
        cells = [cell.cell_contents for cell in function.__closure__ or ()]
        code = function.__code__
        self._identity = hashlib.sha256(
            repr((function.__module__, function.__qualname__, code.co_firstlineno)).encode() + code.co_code
            + (dumps(cells) if cells else b"")
        ).hexdigest()  # fmt: skip

    @property
    def cache_path(self) -> str:
        """The folder that new entries go into, or would, could it be written."""
        return str(writable_folder() or cache_folders()[0])

    def load_overload(self, signature, target_context) -> CompileResult | None:
        """The compiled form for these argument types and this CPU, or None where it has to be compiled."""
        target_context.refresh()
        name = self._entry(signature, target_context.codegen())
        payload = _read(name)
        if payload is None and notices.on_first_compilation is not None:
            tell, notices.on_first_compilation = notices.on_first_compilation, None
            tell()
            payload = _read(name)  # who was told may have had it compiled
        return None if payload is None else CompileResult._rebuild(target_context, *payload)

    def save_overload(self, signature, compiled: CompileResult) -> None:
        """Keep a compiled form, if it can be loaded again by another process."""
        if not compiled.lifted and not compiled.library.has_dynamic_globals:
            _write(self._entry(signature, compiled.library.codegen), dumps(compiled._reduce()))

    def flush(self) -> None:
        """Nothing to do: names of files that hold other code than wanted are never asked for."""

    def _entry(self, signature, codegen) -> str:
        wanted = f"{self._identity} {signature} {codegen.magic_tuple()}"
        readable = re.sub(r"[^\w.]", "", self._name)[-80:]
        return f"{readable}-{hashlib.sha256(wanted.encode()).hexdigest()[:24]}{SUFFIX}"


def _read(name: str):
    """The unpickled entry, or None where no folder has it whole: its first 32 bytes are the rest's SHA-256."""
    for folder in cache_folders():
        try:
            content = (folder / name).read_bytes()
        except OSError:
            continue
        _keep_young(folder)
        if hashlib.sha256(content[32:]).digest() == content[:32]:
            return pickle.loads(content[32:])
    return None


def _write(name: str, payload: bytes) -> None:
    """Put an entry into the first folder that takes it; warns, once, where none does."""
    folder = writable_folder()
    if folder is None:
        return
    draft = folder / f"{uuid.uuid4().hex}.part"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        draft.write_bytes(hashlib.sha256(payload).digest() + payload)
        draft.replace(folder / name)
    except OSError as error:
        with contextlib.suppress(OSError):
            draft.unlink()
        _tell_of_failure(folder, error.strerror or str(error))


@functools.cache
def writable_folder() -> Path | None:
    """The first cache folder in which a file can be made; None, with a warning, where there is none."""
    reason = ""
    folders = cache_folders()
    for folder in folders:
        probe = folder / f"{uuid.uuid4().hex}.part"
        try:
            is_new = not folder.exists()
            folder.mkdir(parents=True, exist_ok=True)
            probe.write_bytes(b"")
            probe.unlink()
        except OSError as error:
            reason = error.strerror or str(error)
            continue
        if is_new:
            _remove_old_states(folder)
        return folder
    _tell_of_failure(folders[-1], reason)
    return None


@functools.cache
def _tell_of_failure(folder: Path, reason: str) -> None:
    warnings.warn(
        f"compiled kernels cannot be kept in {folder}: {reason}. They will be compiled anew at each start, which "
        "takes many seconds. Set NUMBA_CACHE_DIR to a folder that you can write.",
        stacklevel=2,
    )


@functools.cache
def _keep_young(folder: Path) -> None:
    """Note that a state is in use: the oldest are removed."""
    with contextlib.suppress(OSError):
        if time.time() - folder.stat().st_mtime > DAY:
            os.utime(folder)


def _remove_old_states(folder: Path) -> None:
    """Beside a new cache folder, remove those of other states but for the `KEPT` that were used last."""
    others = []
    for other in folder.parent.glob("kernels-*"):
        with contextlib.suppress(OSError):  # another process may be removing it too
            if other != folder and re.fullmatch(r"kernels-[0-9a-f]{12}", other.name):
                others.append((other.stat().st_mtime, other))
    for _, other in sorted(others)[:-KEPT]:
        shutil.rmtree(other, ignore_errors=True)
