"""HDF5 weights and solver states (``snapshot_format: HDF5``).

Weights: ``/data/<layer>/<index>`` for each parameter that no other layer owns, ``/diff`` alike with
``snapshot_diff``. State: ``/iter``, ``/learned_net``, ``/current_step``, ``/history/<index>``, and our own
``/resume``, ``/learned_net_size``, ``/learned_net_crc32`` and ``/file_crc32``, which Caffe does not look at. The last
is the CRC-32 of all bytes of the file, its own four taken for 0.
Source: Caffe src/caffe/net.cpp:786-917, src/caffe/solvers/sgd_solver.cpp:290-366.
"""

from __future__ import annotations

import io
import os
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import h5py
import numpy as np

from netdef.errors import Location, WeightsError
from netdef.weights.atomic import write_atomically
from netdef.weights.caffemodel import LayerWeights
from netdef.weights.files import map_file
from netdef.weights.solverstate import SolverState, parse_resume
from netdef.weights.wire import WireError

_WEIGHTS = "weights as Caffe writes them are"
_STATE = "a solverstate as Caffe writes it is"
_OURS = ("resume", "learned_net_size", "learned_net_crc32", "file_crc32")


def read_weights(path: str | os.PathLike[str]) -> list[LayerWeights]:
    """The layers of an HDF5 weight file in name order; a blob that another layer owns is None."""
    content = map_file(path, "a weight file")
    with _open(path) as file:
        if not isinstance(file.get("data"), h5py.Group):
            raise _foreign(path, 'no group "data"', _WEIGHTS)
        return [_read_layer(path, name, group, content) for name, group in file["data"].items()]


def _read_layer(path, name: str, group, content: memoryview) -> LayerWeights:
    if not isinstance(group, h5py.Group) or not all(key.isdecimal() for key in group):
        raise _foreign(path, f'"data/{name}", which is no layer with numbered blobs', _WEIGHTS)
    count = max((int(key) + 1 for key in group), default=0)
    if count > 10000:
        raise _foreign(path, f'a blob numbered {count - 1} in "data/{name}"', _WEIGHTS)
    return LayerWeights(name, "", [_array(path, group, str(i), content) for i in range(count)])


def read_solverstate(path: str | os.PathLike[str]) -> SolverState:
    """The solver state in an HDF5 file; WeightsError where it is none."""
    with _open(path) as file:
        for name in ("iter", "current_step", "history"):
            if name not in file:
                raise _foreign(path, f'no "{name}"', _STATE)
        history = file["history"]
        state = SolverState(_integer(path, file, "iter"), current_step=_integer(path, file, "current_step"))
        state.history = [_array(path, history, str(i)) for i in range(len(history))]
        if any(array is None for array in state.history):
            raise _foreign(path, "a history with blobs missing", _STATE)
        if "learned_net" in file:
            state.learned_net = file["learned_net"][()].rstrip(b"\0").decode("utf-8")
        if any(name in file for name in _OURS):
            _check_sum(path, file)
        if "resume" in file:
            state.resume = parse_resume(file["resume"][()].tobytes())
        if "learned_net_crc32" in file:
            state.learned_net_size = _integer(path, file, "learned_net_size")
            state.learned_net_crc32 = _integer(path, file, "learned_net_crc32")
        return state


def write_weights(path: str | os.PathLike[str], layers: Iterable[tuple], diffs: bool = False) -> None:
    """Write ``layers``, triples of a name, its blobs and whether it owns each; values of owners only.

    With ``diffs`` all gradients too. Whole or not at all; Caffe reads the file.
    """
    write_atomically(path, weights_bytes(layers, diffs))


def weights_bytes(layers: Iterable[tuple], diffs: bool = False) -> bytes:
    """The content of an HDF5 weight file; see `write_weights`."""
    buffer = io.BytesIO()
    with h5py.File(buffer, "w") as file:
        groups = ["data", "diff"] if diffs else ["data"]
        for kind in groups:
            top = file.create_group(kind)
            for name, blobs, owned in layers:  # layers without blobs may have a name in common
                _write_layer(top.require_group(name), kind, blobs, owned)
    return buffer.getvalue()


def _write_layer(group, kind: str, blobs, owned) -> None:
    for index, blob in enumerate(blobs):
        if owned[index] or kind == "diff":
            group.create_dataset(str(index), data=getattr(blob, kind))


def write_solverstate(path: str | os.PathLike[str], state: SolverState) -> None:
    """Write ``state`` as HDF5, whole or not at all; Caffe reads the file."""
    buffer = io.BytesIO()
    place = None
    with h5py.File(buffer, "w") as file:
        file["iter"] = np.array([state.iter], "<i4")
        name = state.learned_net.encode("utf-8")
        file["learned_net"] = np.array(name, f"S{len(name) + 1}")
        file["current_step"] = np.array([state.current_step], "<i4")
        history = file.create_group("history")
        for index, array in enumerate(state.history):
            history.create_dataset(str(index), data=array)
        if state.learned_net_crc32 is not None:
            file["learned_net_size"] = np.array([state.learned_net_size], "<i8")
            file["learned_net_crc32"] = np.array([state.learned_net_crc32], "<u4")
        if state.resume is not None:
            file["resume"] = np.frombuffer(state.resume.SerializeToString(), "u1")
            place = _sum_place(file.create_dataset("file_crc32", data=np.zeros(1, "<u4")))
    content = buffer.getbuffer()
    if place is not None:
        content[place] = zlib.crc32(content).to_bytes(4, "little")
    write_atomically(path, content)


def _sum_place(dataset) -> slice:
    """Where in the file the checksum stands."""
    offset = dataset.id.get_offset()
    return slice(offset, offset + 4)


def _check_sum(path, file) -> None:
    """Raise WeightsError, or what `_open` makes one of, unless all bytes of the file are as they were written."""
    recorded, place, content = _integer(path, file, "file_crc32"), _sum_place(file["file_crc32"]), map_file(path, "")
    computed = zlib.crc32(content[place.stop :], zlib.crc32(bytes(4), zlib.crc32(content[: place.start])))
    if recorded != computed:
        raise WeightsError(
            f"is damaged: its checksum is {recorded:08x}, but its bytes give {computed:08x}. "
            "Take another copy or an older snapshot.",
            location=Location(os.fspath(path)),
        )


@contextmanager
def _open(path) -> Iterator[h5py.File]:
    """The file; a damaged one makes h5py raise almost anything, which becomes a WeightsError."""
    try:
        with h5py.File(path, "r") as file:
            yield file
    except (OSError, RuntimeError, KeyError, ValueError, TypeError, AttributeError, MemoryError, WireError) as error:
        raise WeightsError(
            f"cannot be read as HDF5: {error}. It was probably cut off or damaged; take another copy.",
            location=Location(os.fspath(path)),
        ) from error


def _array(path, group, name: str, content: memoryview | None = None) -> np.ndarray | None:
    """A dataset as float32 or float64, or None where there is none of that name.

    It is a view of ``content``, the bytes of the file, where they are given and have it as it is.
    """
    if name not in group:
        return None
    dataset = group[name]
    if not isinstance(dataset, h5py.Dataset) or dataset.dtype.kind not in "fiu":
        raise _foreign(path, f'"{group.name}/{name}", which does not hold numbers', _WEIGHTS)
    offset = None if content is None or dataset.file.userblock_size else dataset.id.get_offset()
    if offset is not None and dataset.dtype in (np.float32, np.float64) and offset + dataset.nbytes <= len(content):
        return np.frombuffer(content, dataset.dtype, dataset.size, offset).reshape(dataset.shape)
    return dataset[()].astype(np.float64 if dataset.dtype == np.float64 else np.float32, copy=False)


def _integer(path, file, name: str) -> int:
    array = _array_of_integers(path, file, name)
    return int(array.reshape(-1)[0])


def _array_of_integers(path, file, name: str) -> np.ndarray:
    array = file[name][()] if isinstance(file[name], h5py.Dataset) else None
    if not isinstance(array, (np.ndarray, np.integer)) or array.size != 1 or array.dtype.kind not in "iu":
        raise _foreign(path, f'"{name}", which is no single integer', _STATE)
    return np.asarray(array)


def _foreign(path, found: str, expected: str) -> WeightsError:
    return WeightsError(
        f"is an HDF5 file with {found}; {expected} expected. Name the right file.", location=Location(os.fspath(path))
    )
