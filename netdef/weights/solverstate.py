"""``.solverstate`` files: what a solver needs besides the weights to go on where it stopped.

Caffe's four fields are as Caffe writes them. What an exact resume needs beyond them rides in high field numbers
that Caffe skips, with checksums, so that a damaged state or a weight file of another run is noticed.
Source: Caffe src/caffe/proto/caffe.proto (SolverState), src/caffe/solvers/sgd_solver.cpp:270-366.
"""

from __future__ import annotations

import os
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import chain

import numpy as np
from google.protobuf.message import DecodeError

from netdef.errors import Location, WeightsError
from netdef.weights import wire
from netdef.weights.atomic import write_atomically
from netdef.weights.blobs import blob_chunks, read_blob
from netdef.weights.files import is_hdf5, read_file, unreadable
from prototxt import schema

WHAT = "a binary solverstate"

# SolverState's fields: Caffe's, then our own
_ITER, _LEARNED_NET, _HISTORY, _CURRENT_STEP = 1, 2, 3, 4
_RESUME, _NET_SIZE, _NET_CRC32, _CRC32 = 50001, 50002, 50003, 50004


@dataclass
class SolverState:
    """A solver's state between two iterations.

    ``history`` holds the solver's own blobs in the order of the learnable parameters (AdaDelta and Adam: twice).
    ``resume`` is a ``schema.ResumeState`` or None; ``learned_net_size`` and ``learned_net_crc32`` describe the weight
    file, None where Caffe wrote the state.
    """

    iter: int = 0
    learned_net: str = ""
    history: list[np.ndarray] = field(default_factory=list)
    current_step: int = 0
    resume: object | None = None
    learned_net_size: int | None = None
    learned_net_crc32: int | None = None


def read_solverstate(path: str | os.PathLike[str]) -> SolverState:
    """Read a solverstate, binary or HDF5.

    Raises
    ------
    WeightsError
        A file that is missing, empty, cut off, damaged (its checksum does not hold) or something else.
    """
    if is_hdf5(path):
        from netdef.weights import hdf5  # loads h5py, which few runs need

        return hdf5.read_solverstate(path)
    return parse_solverstate(read_file(path, WHAT), path)


def parse_solverstate(content: bytes, path: str | os.PathLike[str] = "<bytes>") -> SolverState:
    """`read_solverstate` of the bytes of a binary file; ``path`` is for messages."""
    data = memoryview(content)
    state = SolverState()
    seen: set[int] = set()
    try:
        checked = _check_sum(data)
        for found in wire.fields(data, 0, len(data)):
            _take(state, data, found)
            seen.add(found.number)
        if _ITER not in seen:
            raise wire.WireError(0, "it holds no iteration")
        if _RESUME in seen and not checked:
            raise wire.WireError(len(data), "its checksum is missing", truncated=True)
    except wire.WireError as error:
        raise unreadable(path, content, error, WHAT) from None
    return state


def _take(state: SolverState, data: memoryview, found: wire.Field) -> None:
    if found.number == _ITER:
        state.iter = _count(found, "the iteration")
    elif found.number == _LEARNED_NET:
        state.learned_net = wire.text(data, found, "the weight file's name")
    elif found.number == _HISTORY:
        found.expect(wire.LENGTH, "a history blob")
        state.history.append(_read_history(data, found, len(state.history)))
    elif found.number == _CURRENT_STEP:
        state.current_step = _count(found, "the current step")
    elif found.number == _RESUME:
        found.expect(wire.LENGTH, "the state for resuming")
        state.resume = parse_resume(bytes(data[found.start : found.end]), found.start)
    elif found.number == _NET_SIZE:
        state.learned_net_size = found.expect(wire.VARINT, "the weight file's size").value
    elif found.number == _NET_CRC32:
        found.expect(wire.FIXED32, "the weight file's checksum")
        state.learned_net_crc32 = int.from_bytes(data[found.start : found.end], "little")


def _count(found: wire.Field, what: str) -> int:
    value = found.expect(wire.VARINT, what).value
    if value > 2**31 - 1:
        raise wire.WireError(found.start, f"{what} is {value}; it must be at most {2**31 - 1}")
    return value


def _read_history(data: memoryview, found: wire.Field, index: int) -> np.ndarray:
    try:
        return read_blob(data, found.start, found.end)
    except wire.WireError as error:
        raise wire.WireError(error.offset, f"history blob {index}: {error.message}", error.truncated) from None


def parse_resume(content: bytes, offset: int = 0) -> schema.ResumeState:
    """The ``schema.ResumeState`` in ``content``; `wire.WireError` where it is none."""
    try:
        return schema.ResumeState.FromString(content)
    except DecodeError:
        raise wire.WireError(offset, "the state for resuming is no message") from None


def _check_sum(data: memoryview) -> bool:
    """Whether the file ends with our checksum; `wire.WireError` where its bytes give another one."""
    end = len(data) - len(_encode_fixed32(_CRC32, 0))
    if end <= 0 or data[end:-4] != _encode_fixed32(_CRC32, 0)[:-4]:
        return False
    recorded, computed = int.from_bytes(data[-4:], "little"), zlib.crc32(data[:end])
    if computed != recorded:
        raise wire.WireError(end, f"its checksum is {recorded:08x}, but its bytes give {computed:08x}")
    return True


def write_solverstate(path: str | os.PathLike[str], state: SolverState) -> None:
    """Write ``state`` as a binary solverstate, whole or not at all; Caffe reads it."""
    write_atomically(path, state_chunks(state))


def serialize_solverstate(state: SolverState) -> bytes:
    """The bytes of a binary solverstate."""
    return b"".join(state_chunks(state))


def state_chunks(state: SolverState) -> Iterator:
    """`serialize_solverstate` in chunks; those of the history are views of its arrays.

    What Caffe does not know stands before the history, so that a file that is cut off anywhere has it without the
    checksum at its end.
    """
    message = schema.SolverState(iter=state.iter, learned_net=state.learned_net)
    head = [message.SerializeToString()]
    if state.resume is not None:
        head += wire.encode_bytes(_RESUME, state.resume.SerializeToString())
    if state.learned_net_crc32 is not None:
        head.append(wire.encode_varint(_NET_SIZE << 3) + wire.encode_varint(state.learned_net_size))
        head.append(_encode_fixed32(_NET_CRC32, state.learned_net_crc32))
    blobs = (wire.encode_bytes(_HISTORY, *blob_chunks(array)) for array in state.history)
    tail = [schema.SolverState(current_step=state.current_step).SerializeToString()]
    content = Checksum(chain(head, chain.from_iterable(blobs), tail))
    yield from content
    if state.resume is not None:
        yield _encode_fixed32(_CRC32, content.crc32)


class Checksum:
    """Chunks of bytes that are counted and summed up as they pass."""

    def __init__(self, chunks: Iterable) -> None:
        self.size = 0
        self.crc32 = 0
        self._chunks = chunks

    def __iter__(self) -> Iterator:
        for chunk in self._chunks:
            self.size += len(chunk)
            self.crc32 = zlib.crc32(chunk, self.crc32)
            yield chunk


def _encode_fixed32(number: int, value: int) -> bytes:
    return wire.encode_varint(number << 3 | wire.FIXED32) + value.to_bytes(4, "little")


def check_learned_net(state: SolverState, path: str, content: bytes) -> None:
    """Raise WeightsError where the weight file at ``path`` is not the one that ``state`` was written with."""
    if state.learned_net_crc32 is None:
        return
    if len(content) != state.learned_net_size:
        raise WeightsError(
            f"has {len(content)} bytes; the solver state was written with a weight file of "
            f"{state.learned_net_size} bytes. It was cut off or replaced; resume from an older snapshot.",
            location=Location(path),
        )
    computed = zlib.crc32(content)
    if computed != state.learned_net_crc32:
        raise WeightsError(
            f"has the checksum {computed:08x}; the solver state was written with a weight file of checksum "
            f"{state.learned_net_crc32:08x}. It was damaged or replaced; resume from an older snapshot.",
            location=Location(path),
        )
