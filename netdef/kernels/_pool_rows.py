"""Rows of MAX pooling in vector registers; see `netdef.kernels.tiles` for why and how.

max_row       one row of maxima and their places
spread_row    two rows of gradients out of one, for windows of 2x2 pixels that touch but do not overlap
"""

from __future__ import annotations

import numba
import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from netdef.kernels._emitter import I32, I64, Emitter

__all__ = ["LEAST", "max_row", "spread_row"]

LEAST = float(np.finfo(np.float32).min)  # where a maximum starts, also in float64 (pooling_layer.cpp:157)


def _int64(*arguments):
    return [types.int64 if isinstance(kind, types.Integer) else kind for kind in arguments]


class _Places:
    """Vectors of places in a plane, kept as int32, read and written in the mask's own dtype."""

    def __init__(self, emit, dtype) -> None:
        self.emit, self.b = emit, emit.b
        self.floats = isinstance(dtype, types.Float)
        self.kind = ir.VectorType(I32, emit.lanes)
        self.stored = emit.vector if self.floats else self.kind

    def _function(self, verb: str, kind):
        name = self.emit.name if self.floats else f"v{self.emit.lanes}i32"
        element = self.emit.name[self.emit.name.index("f") :] if self.floats else "i32"
        return numba.core.cgutils.get_or_insert_function(
            self.b.module, kind, f"llvm.masked.{verb}.{name}.p0v{self.emit.lanes}{element}"
        )

    def load(self, place, mask):
        place = self.b.bitcast(place, self.stored.as_pointer())
        kind = ir.FunctionType(self.stored, [place.type, I32, mask.type, self.stored])
        size = self.emit.size if self.floats else 4
        value = self.b.call(self._function("load", kind), [place, I32(size), mask, ir.Constant(self.stored, None)])
        return self.b.fptosi(value, self.kind) if self.floats else value

    def store(self, value, place, mask):
        if self.floats:
            value = self.b.sitofp(value, self.stored)
        place = self.b.bitcast(place, self.stored.as_pointer())
        kind = ir.FunctionType(ir.VoidType(), [self.stored, place.type, I32, mask.type])
        size = self.emit.size if self.floats else 4
        self.b.call(self._function("store", kind), [value, place, I32(size), mask])


@intrinsic
def _max_row(typing, bottom, b0, row, rows, width, shift, kernel_w, stride, count, mask, top, t0):
    signature = types.void(
        *_int64(bottom, b0, row, rows, width, shift, kernel_w, stride, count), mask, top, types.int64
    )

    def generate(context, builder, signature, arguments):
        bottom, b0, row, rows, width, shift, kernel_w, stride, count, mask, top, t0 = arguments
        kinds = signature.args
        emit = Emitter(context, builder, context.get_data_type(kinds[0].dtype))
        places = _Places(emit, kinds[9].dtype)
        plane = emit.pointer(kinds[0], bottom, b0)
        mask = emit.pointer(kinds[9], mask, t0)
        top = emit.pointer(kinds[10], top, t0)
        end = builder.append_basic_block("end")
        switch = builder.switch(stride, builder.append_basic_block("any_stride"))
        for variant in (1, 2, 0):
            block = switch.default if variant == 0 else builder.append_basic_block(f"stride_{variant}")
            if variant:
                switch.add_case(I64(variant), block)
            builder.position_at_end(block)
            step = I64(variant) if variant else stride
            _max_loops(emit, places, plane, row, rows, width, shift, kernel_w, step, count, mask, top, variant)
            builder.branch(end)
        builder.position_at_end(end)
        return context.get_dummy_value()

    return signature, generate


def _max_loops(emit, places, plane, row, rows, width, shift, kernel_w, stride, count, mask, top, variant):
    """``variant``: the stride where it is known, else 0."""
    builder = emit.b
    numbers = ir.Constant(places.kind, list(range(emit.lanes)))

    def block(j, state):
        wanted = emit.below(builder.sub(count, j))
        steps = builder.mul(numbers, emit.splat(builder.trunc(stride, I32)))

        def one_row(r, held):
            start = builder.mul(builder.add(row, r), width)

            def one_column(c, held):
                best, where = held
                first = builder.add(builder.add(builder.mul(j, stride), shift), c)
                lane = builder.add(emit.splat(builder.trunc(first, I32)), steps)
                inside = builder.icmp_unsigned("<", lane, emit.splat(builder.trunc(width, I32)))
                inside = builder.and_(inside, wanted)
                value = _strided(emit, builder.gep(plane, [builder.add(start, first)]), first, width, stride, inside,
                                 variant)  # fmt: skip
                better = builder.and_(inside, builder.fcmp_ordered(">", value, best))
                place = builder.add(emit.splat(builder.trunc(start, I32)), lane)
                return [builder.select(better, value, best), builder.select(better, place, where)]

            return emit.loop(kernel_w, held, one_column)

        none = [
            ir.Constant(emit.vector, [ir.Constant(emit.element, LEAST)] * emit.lanes),
            ir.Constant(places.kind, [-1] * emit.lanes),
        ]
        best, where = emit.loop_if_any(rows, none, one_row)
        emit.store(best, builder.gep(top, [j]), wanted)
        places.store(where, builder.gep(mask, [j]), wanted)
        return []

    emit.loop(count, [], block, emit.lanes)


def _strided(emit, place, first, width, stride, inside, variant):
    """Elements ``stride`` apart; those outside of ``[0, width)`` are not read."""
    if variant == 1:
        return emit.load(place, inside)
    if variant == 0:
        return emit.gather(place, stride, inside)
    builder, lanes = emit.b, I64(emit.lanes)
    second = builder.add(first, lanes)
    low = emit.load(place, emit.within(first, width))
    high = emit.load(builder.gep(place, [lanes]), emit.within(second, width))
    return emit.even_and_odd(low, high)[0]


@intrinsic
def _spread_row(typing, top_diff, mask, t0, row, width, count, bottom_diff, b0):
    signature = types.void(top_diff, mask, *_int64(t0, row, width, count), bottom_diff, types.int64)

    def generate(context, builder, signature, arguments):
        top_diff, mask, t0, row, width, count, bottom_diff, b0 = arguments
        kinds = signature.args
        emit = Emitter(context, builder, context.get_data_type(kinds[0].dtype))
        places = _Places(emit, kinds[1].dtype)
        top_diff = emit.pointer(kinds[0], top_diff, t0)
        mask = emit.pointer(kinds[1], mask, t0)
        plane = emit.pointer(kinds[6], bottom_diff, b0)
        doubles = ir.Constant(places.kind, [2 * lane for lane in range(emit.lanes)])

        def block(j, state):
            wanted = emit.below(builder.sub(count, j))
            value = emit.load(builder.gep(top_diff, [j]), wanted)
            where = places.load(builder.gep(mask, [j]), wanted)
            column = builder.mul(j, I64(2))
            for line in range(2):
                start = builder.add(builder.mul(builder.add(row, I64(line)), width), column)
                pair = []
                for odd in range(2):
                    here = builder.add(emit.splat(builder.trunc(builder.add(start, I64(odd)), I32)), doubles)
                    pair.append(builder.select(builder.icmp_signed("==", where, here), value, emit.zero))
                for part, vector in enumerate(emit.interleaved(*pair)):
                    at = builder.add(column, I64(part * emit.lanes))
                    rest = builder.sub(builder.mul(count, I64(2)), at)
                    place = builder.gep(plane, [builder.add(start, I64(part * emit.lanes))])
                    emit.store(vector, place, emit.below(rest))
            return []

        emit.loop(count, [], block, emit.lanes)
        return context.get_dummy_value()

    return signature, generate


def _plain_max_row(bottom, b0, row, rows, width, shift, kernel_w, stride, count, mask, top, t0):
    """``top[t0 + j]``: the greatest of ``bottom[b0 + r width + j stride + shift + c]``; ``mask[t0 + j]``: its place.

    ``row <= r < row + rows``, ``c < kernel_w``, columns within ``width``; `LEAST` and -1 where nothing is greater.
    """
    for j in range(count):
        top[t0 + j], mask[t0 + j] = LEAST, -1
        for r in range(row, row + rows):
            first = j * stride + shift
            for column in range(max(first, 0), min(first + kernel_w, width)):
                if bottom[b0 + r * width + column] > top[t0 + j]:
                    top[t0 + j], mask[t0 + j] = bottom[b0 + r * width + column], r * width + column


def _plain_spread_row(top_diff, mask, t0, row, width, count, bottom_diff, b0):
    """Two rows of ``bottom_diff``, the first from ``b0 + row width`` on: ``top_diff[t0 + j]`` at the place
    ``mask[t0 + j]``, else 0."""
    for line in range(row, row + 2):
        for column in range(2 * count):
            place = line * width + column
            bottom_diff[b0 + place] = top_diff[t0 + column // 2] if mask[t0 + column // 2] == place else 0


if numba.config.DISABLE_JIT:
    max_row, spread_row = _plain_max_row, _plain_spread_row
else:
    max_row, spread_row = _max_row, _spread_row
