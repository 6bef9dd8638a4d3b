"""Noting calls of kernels and repeating them."""

import threading

import numpy as np
import pytest

from netdef.kernels import calls
from netdef.kernels._jit import kernel, prange
from netdef.kernels.calls import CAN_REPEAT, BoundCalls, CallTable, UnsuitableCallError, noted_calls

pytestmark = pytest.mark.skipif(not CAN_REPEAT, reason="nothing is noted without compilation")


@kernel(parallel=True)
def put(source, sizes, factor, flag, offset, target):
    for i in prange(target.shape[0]):
        for j in range(target.shape[1]):
            target[i, j] = factor * source[i * sizes[0] + j * sizes[1]] + (offset if flag else 0)


@kernel
def total(source):
    return source.sum()


@kernel
def fail_where(flags, place, target):
    if flags[place]:
        raise ValueError("a flag is set")
    target[place] += 1


ARGUMENTS = [
    (np.float32, 0.5, True, -7),
    (np.float64, np.float64(1 / 3), False, 2**40),
    (np.float32, np.float32(0.1), np.bool_(True), np.int32(5)),
    (np.float64, -2.0, True, np.uint64(2**63 + 9)),
    (np.int32, 3, True, -1),
]


@pytest.mark.parametrize("twin", ["serial", "parallel"])
@pytest.mark.parametrize("dtype, factor, flag, offset", ARGUMENTS)
def test_a_repeated_call_reads_its_arrays_anew(twin, dtype, factor, flag, offset):
    source, target = np.arange(40).astype(dtype), np.zeros((3, 4), dtype)
    with noted_calls() as noted:
        getattr(put, twin)(source, (7, 2), factor, flag, offset, target[:, 1:])
    assert [function for function, _ in noted] == [getattr(put, twin)]
    table = CallTable(noted)
    source += 1
    expected = np.zeros((3, 4), dtype)
    getattr(put, twin)(source, (7, 2), factor, flag, offset, expected[:, 1:])
    target.fill(0)
    assert table.run(0, 1)
    np.testing.assert_array_equal(target, expected)


def test_ranges_of_calls_run_in_order():
    data = np.zeros((1, 1))
    source = np.array([1.0])
    with noted_calls() as noted:
        for offset in (1, 2, 3):
            put(source, (1, 1), 1.0, True, offset, data)
    table = CallTable(noted)
    for last in (1, 2, 3):
        assert table.run(0, last) and data[0, 0] == 1 + last
    assert table.run(2, 2) and data[0, 0] == 4


def test_a_failing_call_stops_the_rest():
    flags, target = np.zeros(3, np.int64), np.zeros(3)
    with noted_calls() as noted:
        for place in range(3):
            fail_where(flags, place, target)
    table = CallTable(noted)
    flags[1] = 1
    assert not table.run(0, 3)
    assert target.tolist() == [2, 1, 1]


def test_what_cannot_be_repeated_is_refused():
    source = np.ones(3)
    with noted_calls() as noted:
        total(source)
    with pytest.raises(UnsuitableCallError):
        CallTable(noted)


def test_only_the_calls_of_the_own_thread_are_noted_and_listeners_nest():
    source, target = np.ones(4), np.zeros((2, 2))

    def call(offset):
        put.serial(source, (1, 1), 1.0, True, offset, target)

    with noted_calls() as outer:
        call(1)
        with noted_calls() as inner:
            call(2)
            other = threading.Thread(target=call, args=(3,))
            other.start()
            other.join()
        call(4)
    call(5)
    assert [arguments[4] for _, arguments in outer] == [1, 2, 4]
    assert [arguments[4] for _, arguments in inner] == [2]
    assert type(put).__name__ == "CPUDispatcher"


def test_a_call_under_way_outlives_the_listening(monkeypatch):
    """Another thread may be just inside a noted call when the last listener leaves."""

    class Leaving:
        def append(self, call):
            calls._let_listen(False)

    monkeypatch.setitem(calls._listeners, threading.get_ident(), [Leaving()])
    calls._let_listen(True)
    assert total(np.ones(4)) == 4
    assert type(total).__name__ == "CPUDispatcher"


@kernel
def scaled_sum(first, second, values, out):
    for i in range(out.size):
        out[i] = first * values[i] + second


def test_bound_calls_take_new_numbers_each_time():
    values, outs = np.arange(3, dtype=np.float32), [np.zeros(3, np.float32), np.zeros(2, np.float32)]
    calls = BoundCalls([(scaled_sum, (values, out)) for out in outs], np.float32)
    for numbers in ([(2, 0.1), (3, 0.2)], [(2, 0.1), (3, 0.2)], [(5, 0.7), (3, 0.3)]):
        for out in outs:
            out.fill(-1)
        calls(numbers)
        for (first, second), out in zip(numbers, outs):
            np.testing.assert_array_equal(out, np.float32(first) * values[: out.size] + np.float32(second))
