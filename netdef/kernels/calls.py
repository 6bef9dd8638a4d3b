"""Calls of kernels from native code.

A call from Python looks at each argument anew: its type, then its parts. That takes as long as a small layer.
An entry is a C function that reads all arguments of one kernel out of a block of 64-bit words, so that a call whose
arguments stay can be repeated by its two addresses alone.
"""

from __future__ import annotations

import contextlib
import struct
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from threading import Lock, get_ident
from typing import NamedTuple

import numba
import numpy as np
from llvmlite import ir
from numba import types
from numba.core import callconv, cgutils, registry
from numba.core.compiler_lock import global_compiler_lock
from numba.core.registry import CPUDispatcher
from numba.extending import intrinsic

from netdef.kernels._emitter import I64
from netdef.kernels._jit import DISPATCHERS, kernel

__all__ = ["CAN_REPEAT", "BoundCalls", "CallTable", "ReadyCall", "UnsuitableCallError", "noted_calls"]

CAN_REPEAT = not numba.config.DISABLE_JIT

PAIR_BYTES = 16  # of the addresses of an entry and of its block

_I32 = ir.IntType(32)
_ENTRIES: dict = {}


class UnsuitableCallError(Exception):
    """A call that no entry can repeat: it returns something, or has an argument of a kind not known here."""


class _Listening(CPUDispatcher):
    """A kernel that notes how it is called."""

    def __call__(self, *arguments):
        for noted in _listeners.get(get_ident(), ()):
            noted.append((self, arguments))
        return CPUDispatcher.__call__(self, *arguments)  # not super(): the class may have changed back by now


_listeners: dict[int, list[list]] = {}  # of each thread, the lists of those who listen
_listeners_lock = Lock()


@contextlib.contextmanager
def noted_calls() -> Iterator[list[tuple[Callable, tuple]]]:
    """The kernels that this thread calls meanwhile, with their arguments, in order; a list that grows.

    Calls by other kernels do not count. Nothing is noted unless `CAN_REPEAT`.
    """
    thread, noted = get_ident(), []
    with _listeners_lock:
        _listeners.setdefault(thread, []).append(noted)
        _let_listen(True)
    try:
        yield noted
    finally:
        with _listeners_lock:
            _listeners[thread].pop()
            if not _listeners[thread]:
                del _listeners[thread]
            _let_listen(bool(_listeners))


def _let_listen(wanted: bool) -> None:
    for compiled in DISPATCHERS:
        compiled.__class__ = _Listening if wanted else CPUDispatcher


class ReadyCall(NamedTuple):
    """The address of an entry, and the block of words that it reads; what it ``kept`` alive are arrays named there."""

    entry: int
    block: np.ndarray
    kept: tuple

    @classmethod
    def of(cls, function: Callable, arguments: tuple) -> ReadyCall:
        return cls(_entry_of(function, arguments), np.fromiter(_words(arguments), np.int64), arguments)


class CallTable:
    """Calls of kernels with their arguments, ready to be repeated.

    Parameters
    ----------
    calls : sequence of pairs
        ``(kernel, arguments)`` as `noted_calls` gives them: each has been called so before. Or a `ReadyCall` of
        another table, which shares its block: what is written there counts in both.

    Raises
    ------
    UnsuitableCallError
        Where one of them cannot be repeated.
    """

    def __init__(self, calls: Sequence[tuple[Callable, tuple] | ReadyCall]) -> None:
        self.ready = [call if isinstance(call, ReadyCall) else ReadyCall.of(*call) for call in calls]
        self._pairs = np.array([(call.entry, _address(call.block)) for call in self.ready], np.int64).reshape(-1, 2)
        self._table = _address(self._pairs)

    def number_writer(self, call: int, count: int) -> Callable[..., None]:
        """A function that sets the first ``count`` arguments of a call, all of them floats."""
        return partial(struct.Struct(f"{count}d").pack_into, self.ready[call].block, 0)

    def run(self, first: int, last: int) -> bool:
        """Repeat the calls ``first … last - 1``; False where one of them failed, and the later ones were not made."""
        return _run_calls(self._table, first, last) == last


class BoundCalls:
    """Kernels bound to arrays, their last arguments; before them they take numbers, which may change.

    ``calls`` are pairs ``(kernel, arrays)``, ``real`` the numbers' type.
    """

    def __init__(self, calls: Sequence[tuple[Callable, tuple[np.ndarray, ...]]], real: type) -> None:
        self._calls, self._real = calls, real
        self._table: CallTable | None = None
        self._numbers: list[tuple[float, ...]] = []
        self._writers: list[Callable[..., None]] = []

    @property
    def ready(self) -> list[ReadyCall]:
        """The calls with the numbers that are written to them, or none while they have not been made yet."""
        return self._table.ready if self._table is not None else []

    def write(self, numbers: list[tuple[float, ...]]) -> None:
        """Set the numbers of the calls that are `ready`; nothing to do where there are none yet."""
        if numbers != self._numbers:
            for write, new in zip(self._writers, numbers):
                write(*new)
            self._numbers = numbers

    def __call__(self, numbers: list[tuple[float, ...]]) -> None:
        """Call all, each with its numbers; `noted_calls` may miss it."""
        if self._table is not None:
            self.write(numbers)
            self._table.run(0, len(self._calls))
            return
        whole = [(function, (*map(self._real, own), *arrays)) for (function, arrays), own in zip(self._calls, numbers)]
        for function, arguments in whole:
            function(*arguments)
        if CAN_REPEAT:
            self._table, self._numbers = CallTable(whole), numbers
            self._writers = [self._table.number_writer(index, len(own)) for index, own in enumerate(numbers)]


def _entry_of(function: Callable, arguments: tuple) -> int:
    """The address of the entry of a kernel that has been called with such ``arguments`` before."""
    signature = tuple(function.typeof_pyval(argument) for argument in arguments)
    key = function, signature
    if key not in _ENTRIES:
        _ENTRIES[key] = _made_entry(function, signature)
    return _ENTRIES[key][1]


def _address(array: np.ndarray) -> int:
    return array.__array_interface__["data"][0]


def _words(argument) -> Iterator[int]:
    if isinstance(argument, np.ndarray):
        yield _address(argument)
        yield argument.size
        yield from argument.shape
        yield from argument.strides
    elif isinstance(argument, tuple):
        for part in argument:
            yield from _words(part)
    elif isinstance(argument, (float, np.floating)):
        yield struct.unpack("q", struct.pack("d", argument))[0]
    else:
        yield struct.unpack("q", struct.pack("Q", int(argument) & 0xFFFFFFFFFFFFFFFF))[0]


@global_compiler_lock
def _made_entry(function, signature) -> tuple:
    """``(what must stay alive, address)``"""
    compiled = function.overloads.get(signature)
    if compiled is None or compiled.signature.return_type != types.none:
        raise UnsuitableCallError
    context = registry.cpu_target.target_context
    library = context.codegen().create_library("netdef_entry")
    name = f"netdef_entry_{len(_ENTRIES)}"
    module = library.create_ir_module(name)
    made = ir.Function(module, ir.FunctionType(_I32, [I64.as_pointer()]), name)
    builder = ir.IRBuilder(made.append_basic_block())
    reader = _Reader(context, builder, made.args[0])
    values = [reader.value(kind) for kind in signature]
    convention = context.call_conv
    kind = convention.get_function_type(types.none, signature)
    address = compiled.library.get_pointer_to_function(compiled.fndesc.llvm_func_name)
    target = builder.inttoptr(I64(address), kind.as_pointer())
    result = cgutils.alloca_once(builder, kind.args[0].pointee)
    trouble = cgutils.alloca_once(builder, kind.args[1].pointee)
    code = builder.call(target, [result, trouble, *context.get_arg_packer(signature).as_arguments(builder, values)])
    fine = [builder.icmp_signed("==", code, kept) for kept in (callconv.RETCODE_OK, callconv.RETCODE_NONE)]
    builder.ret(builder.select(builder.or_(*fine), _I32(0), _I32(1)))
    library.add_ir_module(module)
    library.finalize()
    return (library, compiled), library.get_pointer_to_function(name)


class _Reader:
    """Reads the arguments of a call out of its block, one after another."""

    def __init__(self, context, builder, block) -> None:
        self.context, self.b, self.block, self.place = context, builder, block, 0

    def word(self):
        value = self.b.load(self.b.gep(self.block, [I64(self.place)]))
        self.place += 1
        return value

    def value(self, kind):
        if isinstance(kind, types.Array):
            return self._array(kind)
        if isinstance(kind, types.BaseTuple):
            return self.context.make_tuple(self.b, kind, [self.value(part) for part in kind])
        wanted = self.context.get_value_type(kind)
        if isinstance(kind, types.Float):
            number = self.b.bitcast(self.word(), ir.DoubleType())
            return number if kind.bitwidth == 64 else self.b.fptrunc(number, wanted)
        if isinstance(kind, (types.Integer, types.Boolean)):
            return self.word() if wanted.width == 64 else self.b.trunc(self.word(), wanted)
        raise UnsuitableCallError

    def _array(self, kind):
        array = self.context.make_array(kind)(self.context, self.b)
        data = self.b.inttoptr(self.word(), array.data.type)
        items = self.word()
        shape = [self.word() for _ in range(kind.ndim)]
        strides = [self.word() for _ in range(kind.ndim)]
        size = self.context.get_abi_sizeof(self.context.get_data_type(kind.dtype))
        self.context.populate_array(array, data=data, shape=shape, strides=strides, itemsize=I64(size), meminfo=None)
        array.nitems = items
        return array._getvalue()


@intrinsic
def _call_entry(typing, place):
    """Call the entry whose address is at ``place`` with the block whose address follows it."""
    signature = types.int32(types.int64)

    def generate(context, builder, signature, arguments):
        pair = builder.inttoptr(arguments[0], I64.as_pointer())
        entry, block = (builder.load(builder.gep(pair, [I64(number)])) for number in (0, 1))
        target = builder.inttoptr(entry, ir.FunctionType(_I32, [I64.as_pointer()]).as_pointer())
        return builder.call(target, [builder.inttoptr(block, I64.as_pointer())])

    return signature, generate


@kernel
def _run_calls(table, first, last):
    """``table`` is an address: an array would be wrapped anew at every call."""
    for i in range(first, last):
        if _call_entry(table + i * PAIR_BYTES) != 0:
            return i
    return last
