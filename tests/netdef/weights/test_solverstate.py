"""Solver states: Caffe's are read and written byte for byte, ours carry more, damage is noticed."""

from __future__ import annotations

import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netdef.errors import WeightsError
from netdef.weights import hdf5
from netdef.weights.solverstate import (
    SolverState,
    check_learned_net,
    parse_solverstate,
    read_solverstate,
    serialize_solverstate,
    write_solverstate,
)
from prototxt import schema


def sample(resume: bool = True) -> SolverState:
    generator = np.random.default_rng(3)
    state = SolverState(
        200, "lenet_iter_200.caffemodel", [generator.normal(size=s).astype("f4") for s in [(2, 3), (2,)]], 4
    )
    if resume:
        state.resume = schema.ResumeState(seed=1701, losses=[0.25, 0.5])
        state.resume.stream.add(name="mnist", state=b"\x00\xff")
        state.learned_net_size, state.learned_net_crc32 = 12345, 0xDEADBEEF
    return state


def assert_same(found: SolverState, wanted: SolverState) -> None:
    assert (found.iter, found.learned_net, found.current_step) == (wanted.iter, wanted.learned_net, wanted.current_step)
    assert (found.learned_net_size, found.learned_net_crc32) == (wanted.learned_net_size, wanted.learned_net_crc32)
    assert found.resume == wanted.resume
    for array, other in zip(found.history, wanted.history, strict=True):
        assert array.dtype == other.dtype
        assert np.array_equal(array, other)


@pytest.mark.parametrize("resume", [False, True])
@pytest.mark.parametrize("module", ["binary", "hdf5"])
def test_write_then_read(tmp_path, resume, module):
    write = write_solverstate if module == "binary" else hdf5.write_solverstate
    write(tmp_path / "a.solverstate", sample(resume))
    assert_same(read_solverstate(tmp_path / "a.solverstate"), sample(resume))


def test_recorded_state_is_read_and_written_byte_for_byte(recorded_dir):
    path = recorded_dir / "lenet" / "lenet_iter_200.solverstate"
    state = read_solverstate(path)
    assert (state.iter, state.learned_net, state.current_step) == (200, "out/lenet_iter_200.caffemodel", 0)
    assert [a.shape for a in state.history][:3] == [(20, 1, 5, 5), (20,), (50, 20, 5, 5)]
    assert serialize_solverstate(state) == path.read_bytes()


def test_recorded_hdf5_state(recorded_dir):
    state = read_solverstate(recorded_dir / "lenet" / "lenet_hdf5_iter_200.solverstate.h5")
    assert (state.iter, state.learned_net, state.current_step) == (200, "lenet_hdf5_iter_200.caffemodel.h5", 0)
    assert [a.shape for a in state.history][-2:] == [(10, 500), (10,)]


def test_caffe_sees_its_own_fields():
    """A reader of Caffe's four fields finds them, and the rest in fields that it does not know."""
    message = schema.SolverState.FromString(serialize_solverstate(sample()))
    assert (message.iter, message.current_step, len(message.history)) == (200, 4, 2)
    assert list(message.history[1].shape.dim) == [2]


def test_float64_history(tmp_path):
    state = SolverState(1, "w", [np.arange(3.0)])
    assert_same(parse_solverstate(serialize_solverstate(state)), state)


# -- damage ----------------------------------------------------------------------------------------------------


def complaint(content: bytes) -> str:
    with pytest.raises(WeightsError) as caught:
        parse_solverstate(content, "a.solverstate")
    return str(caught.value)


def test_flipped_value_is_noticed():
    content = bytearray(serialize_solverstate(sample()))
    recorded = int.from_bytes(content[-4:], "little")
    content[80] ^= 1
    assert complaint(bytes(content)) == (
        f"a.solverstate: is damaged or no binary solverstate: its checksum is {recorded:08x}, but its bytes give "
        f"{zlib.crc32(content[:-7]):08x} (byte {len(content) - 7}); a binary solverstate is expected. "
        "Take another copy or an older snapshot."
    )


def test_every_truncation_is_noticed():
    content = serialize_solverstate(sample())
    whole = []
    for end in range(1, len(content)):
        try:
            whole.append(parse_solverstate(content[:end]))
        except WeightsError:
            continue
    # what is left then is an iteration and at most a file name; the solver misses the history
    assert [(state.resume, state.history) for state in whole] == [(None, [])] * len(whole)
    assert len(whole) == 2


@given(st.integers(0, 10**6), st.integers(0, 7))
@settings(max_examples=200, deadline=None)
def test_every_flipped_bit_is_noticed(place, bit):
    content = bytearray(serialize_solverstate(sample()))
    content[place % len(content)] ^= 1 << bit
    complaint(bytes(content))


@given(st.binary(min_size=1, max_size=100))
@settings(max_examples=200, deadline=None)
def test_random_bytes_never_crash(content):
    try:
        parse_solverstate(content)
    except WeightsError:
        pass


def test_caffemodel_instead_of_state():
    model = schema.NetParameter(name="LeNet").SerializeToString()
    assert complaint(model) == (
        "a.solverstate: is damaged or no binary solverstate: the iteration is length-delimited; it must be varint "
        "(byte 2); a binary solverstate is expected. Take another copy or an older snapshot."
    )


def test_iteration_out_of_range():
    assert complaint(b"\x08" + b"\xff" * 9 + b"\x01") == (
        "a.solverstate: is damaged or no binary solverstate: the iteration is 18446744073709551615; it must be at "
        "most 2147483647 (byte 1); a binary solverstate is expected. Take another copy or an older snapshot."
    )


def test_weight_file_of_another_run():
    state = SolverState(learned_net_size=3, learned_net_crc32=zlib.crc32(b"abc"))
    check_learned_net(state, "w.caffemodel", b"abc")
    check_learned_net(SolverState(), "w.caffemodel", b"anything")
    with pytest.raises(WeightsError) as caught:
        check_learned_net(state, "w.caffemodel", b"ab")
    assert str(caught.value) == (
        "w.caffemodel: has 2 bytes; the solver state was written with a weight file of 3 bytes. "
        "It was cut off or replaced; resume from an older snapshot."
    )
    with pytest.raises(WeightsError) as caught:
        check_learned_net(state, "w.caffemodel", b"abd")
    assert str(caught.value) == (
        f"w.caffemodel: has the checksum {zlib.crc32(b'abd'):08x}; the solver state was written with a weight file "
        f"of checksum {zlib.crc32(b'abc'):08x}. It was damaged or replaced; resume from an older snapshot."
    )
