"""Writes vector code in LLVM's language for the intrinsics of `netdef.kernels.tiles`."""

from __future__ import annotations

import llvmlite.binding as llvm
import numba
from llvmlite import ir
from numba import types
from numba.core import cgutils


def _vector_plan() -> tuple[int, int, int, int, int]:
    """(bytes of a vector, rows and vectors of a multiply tile, rows and columns of a dot tile).

    Sums, operands and one spare must fit the registers: 32 of them with AVX-512 and on ARM, else 16.
    """
    named = numba.config.CPU_FEATURES
    if named is None:
        features = llvm.get_host_cpu_features()
    else:
        features = {word[1:]: word[0] == "+" for word in named.split(",") if word}
    if features.get("avx512f"):
        return 64, 6, 4, 5, 5
    if features.get("avx2"):
        return 32, 4, 3, 4, 3
    return (16, 6, 4, 5, 4) if features.get("neon") else (16, 4, 3, 4, 3)


VECTOR_BYTES, TILE_ROWS, TILE_VECTORS, DOT_ROWS, DOT_COLUMNS = _vector_plan()
TILE_BYTES = VECTOR_BYTES * TILE_VECTORS  # a multiply tile is TILE_BYTES // itemsize columns wide

I32, I64 = ir.IntType(32), ir.IntType(64)


class Emitter:
    """Emits vector code for one element type."""

    def __init__(self, context, builder, element) -> None:
        self.context = context
        self.b = builder
        self.element = element
        self.size = 4 if isinstance(element, ir.FloatType) else 8
        self.lanes = VECTOR_BYTES // self.size
        self.vector = ir.VectorType(element, self.lanes)
        self.name = f"v{self.lanes}f{8 * self.size}"
        self.zero = ir.Constant(self.vector, None)
        self.undefined = ir.Constant(self.vector, ir.Undefined)

    def pointer(self, kind, array, *offsets):
        """The address of element ``sum(offsets)`` of an array or C pointer."""
        is_array = isinstance(kind, types.Array)
        place = self.context.make_array(kind)(self.context, self.b, array).data if is_array else array
        for offset in offsets:
            place = self.b.gep(place, [offset])
        return place

    def call(self, name: str, *arguments):
        """Call the C function ``netdef_<name>_f32``, or ``_f64``."""
        kind = ir.FunctionType(ir.VoidType(), [argument.type for argument in arguments])
        function = cgutils.get_or_insert_function(self.b.module, kind, f"netdef_{name}_f{8 * self.size}")
        self.b.call(function, arguments)
        return self.context.get_dummy_value()

    def splat(self, scalar):
        kind = ir.VectorType(scalar.type, self.lanes)
        first = self.b.insert_element(ir.Constant(kind, ir.Undefined), scalar, I32(0))
        lanes = ir.Constant(ir.VectorType(I32, self.lanes), [0] * self.lanes)
        return self.b.shuffle_vector(first, ir.Constant(kind, ir.Undefined), lanes)

    def lane_numbers(self, first):
        """``first, first + 1, …`` as a vector of int32; ``first`` is an int64."""
        numbers = ir.Constant(ir.VectorType(I32, self.lanes), list(range(self.lanes)))
        return self.b.add(self.splat(self.b.trunc(first, I32)), numbers)

    def below(self, count):
        """The mask of the first ``count`` lanes."""
        return self.b.icmp_signed("<", self.lane_numbers(I64(0)), self.splat(self.b.trunc(count, I32)))

    def within(self, first, size):
        """The mask of lanes ``l`` with ``0 <= first + l < size``: read as unsigned, negative numbers are too large."""
        return self.b.icmp_unsigned("<", self.lane_numbers(first), self.splat(self.b.trunc(size, I32)))

    def _addresses(self, place, stride):
        """Pointers to the elements ``0, stride, 2 stride, …`` from ``place`` on."""
        numbers = ir.Constant(ir.VectorType(I64, self.lanes), list(range(self.lanes)))
        bytes_apart = self.b.mul(numbers, self.splat(self.b.mul(stride, I64(self.size))))
        addresses = self.b.add(self.splat(self.b.ptrtoint(place, I64)), bytes_apart)
        return self.b.inttoptr(addresses, ir.VectorType(self.element.as_pointer(), self.lanes))

    def scatter(self, value, place, stride, mask) -> None:
        """Store to the elements ``0, stride, 2 stride, …`` from ``place`` on; lanes outside ``mask`` are not stored."""
        pointers = self._addresses(place, stride)
        kind = ir.FunctionType(ir.VoidType(), [self.vector, pointers.type, I32, mask.type])
        name = f"llvm.masked.scatter.{self.name}.v{self.lanes}p0f{8 * self.size}"
        function = cgutils.get_or_insert_function(self.b.module, kind, name)
        self.b.call(function, [value, pointers, I32(self.size), mask])

    def gather(self, place, stride, mask):
        """The elements ``0, stride, 2 stride, …`` from ``place`` on; lanes outside ``mask`` are not read."""
        return self._gather(self._addresses(place, stride), mask)

    def gather_at(self, place, offsets, mask):
        """The elements at ``offsets``, a vector of int64, from ``place`` on; lanes outside ``mask`` are not read."""
        apart = self.b.mul(offsets, self.splat(I64(self.size)))
        addresses = self.b.add(self.splat(self.b.ptrtoint(place, I64)), apart)
        return self._gather(self.b.inttoptr(addresses, ir.VectorType(self.element.as_pointer(), self.lanes)), mask)

    def _gather(self, pointers, mask):
        kind = ir.FunctionType(self.vector, [pointers.type, I32, mask.type, self.vector])
        name = f"llvm.masked.gather.{self.name}.v{self.lanes}p0f{8 * self.size}"
        function = cgutils.get_or_insert_function(self.b.module, kind, name)
        return self.b.call(function, [pointers, I32(self.size), mask, self.zero])

    def load(self, place, mask=None):
        """A vector at ``place``; lanes outside ``mask`` are 0 and are not read."""
        place = self.b.bitcast(place, self.vector.as_pointer())
        if mask is None:
            return self.b.load(place, align=self.size)
        kind = ir.FunctionType(self.vector, [place.type, I32, mask.type, self.vector])
        function = cgutils.get_or_insert_function(self.b.module, kind, f"llvm.masked.load.{self.name}.p0{self.name}")
        return self.b.call(function, [place, I32(self.size), mask, self.zero])

    def prefetch(self, place) -> None:
        """Have the line of the cache at ``place`` fetched, to be read soon; it may be outside of any array."""
        place = self.b.bitcast(place, ir.IntType(8).as_pointer())
        kind = ir.FunctionType(ir.VoidType(), [place.type, I32, I32, I32])
        function = cgutils.get_or_insert_function(self.b.module, kind, "llvm.prefetch.p0i8")
        reading, nearest, values = I32(0), I32(3), I32(1)
        self.b.call(function, [place, reading, nearest, values])

    def store(self, value, place, mask=None):
        place = self.b.bitcast(place, self.vector.as_pointer())
        if mask is None:
            self.b.store(value, place, align=self.size)
            return
        kind = ir.FunctionType(ir.VoidType(), [self.vector, place.type, I32, mask.type])
        function = cgutils.get_or_insert_function(self.b.module, kind, f"llvm.masked.store.{self.name}.p0{self.name}")
        self.b.call(function, [value, place, I32(self.size), mask])

    def even_and_odd(self, first, second):
        """The elements with even and those with odd numbers of two vectors side by side."""
        kind = ir.VectorType(I32, self.lanes)
        parts = [ir.Constant(kind, list(range(odd, 2 * self.lanes, 2))) for odd in (0, 1)]
        return [self.b.shuffle_vector(first, second, part) for part in parts]

    def interleaved(self, even, odd):
        """The inverse of `even_and_odd`."""
        lanes, kind = self.lanes, ir.VectorType(I32, self.lanes)
        order = [lane // 2 + lane % 2 * lanes for lane in range(2 * lanes)]
        return [self.b.shuffle_vector(even, odd, ir.Constant(kind, part)) for part in (order[:lanes], order[lanes:])]

    def multiply_add(self, x, y, z):
        kind = ir.FunctionType(self.vector, [self.vector] * 3)
        function = cgutils.get_or_insert_function(self.b.module, kind, f"llvm.fmuladd.{self.name}")
        return self.b.call(function, [x, y, z])

    def loop(self, count, state, body, step=1):
        """``for n in range(0, count, step): state = body(n, state)``, at least once; returns the last state."""
        before = self.b.block
        inside, after = self.b.append_basic_block("loop"), self.b.append_basic_block("after")
        self.b.branch(inside)
        self.b.position_at_end(inside)
        index = self.b.phi(I64)
        index.add_incoming(I64(0), before)
        phis = [self.b.phi(value.type) for value in state]
        for phi, value in zip(phis, state):
            phi.add_incoming(value, before)
        result = body(index, phis)
        following = self.b.add(index, I64(step))
        last = self.b.block
        index.add_incoming(following, last)
        for phi, value in zip(phis, result):
            phi.add_incoming(value, last)
        self.b.cbranch(self.b.icmp_signed("<", following, count), inside, after)
        self.b.position_at_end(after)
        return result

    def loop_if_any(self, count, state, body, step=1):
        """`loop`, or the state as it was where ``count`` is 0."""
        before = self.b.block
        with self.b.if_then(self.b.icmp_signed(">", count, I64(0))):
            result = self.loop(count, state, body, step)
            last = self.b.block
        merged = []
        for value, changed in zip(state, result):
            phi = self.b.phi(value.type)
            phi.add_incoming(changed, last)
            phi.add_incoming(value, before)
            merged.append(phi)
        return merged

    def sums_across(self, vectors):
        """The sum over lanes of each vector, as vectors; lane ``l`` of result ``r`` belongs to vector
        ``order[r][l]``. Halves are folded pairwise: one addition serves two vectors."""
        order = [[number] * self.lanes for number in range(len(vectors))]
        results, orders = list(vectors), order
        block = self.lanes // 2
        while block:
            if len(results) % 2:
                results.append(self.zero)
                orders.append([-1] * self.lanes)
            pairs = range(0, len(results), 2)
            orders = [self._folded_order(orders[p], orders[p + 1], block) for p in pairs]
            results = [self._fold(results[p], results[p + 1], block) for p in pairs]
            block //= 2
        return results, orders

    def _fold(self, first, second, block):
        low, high = [], []
        for start in range(0, self.lanes, 2 * block):
            lower, upper = range(start, start + block), range(start + block, start + 2 * block)
            low += [*lower, *(self.lanes + lane for lane in lower)]
            high += [*upper, *(self.lanes + lane for lane in upper)]
        kind = ir.VectorType(I32, self.lanes)
        return self.b.fadd(
            self.b.shuffle_vector(first, second, ir.Constant(kind, low)),
            self.b.shuffle_vector(first, second, ir.Constant(kind, high)),
        )

    def _folded_order(self, first, second, block):
        folded = []
        for start in range(0, self.lanes, 2 * block):
            folded += first[start : start + block] + second[start : start + block]
        return folded
