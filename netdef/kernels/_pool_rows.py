"""Rows of MAX pooling in vector registers; see `netdef.kernels.tiles` for why and how.

max_row       one row of maxima and their places
max_pairs     a plane of them, for windows of 2x2 pixels that touch but do not overlap
spread_row    two rows of gradients out of one, for windows of 2x2 pixels that touch but do not overlap
owed_row      one row of gradients out of those of all windows that reach it, for windows with stride 1
"""

from __future__ import annotations

import numba
import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from netdef.kernels._emitter import I32, I64, Emitter

__all__ = ["LEAST", "max_pairs", "max_row", "owed_row", "spread_row"]

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

    def none(self):
        """What maxima and their places start with."""
        least = ir.Constant(self.emit.vector, [ir.Constant(self.emit.element, LEAST)] * self.emit.lanes)
        return [least, ir.Constant(self.kind, [-1] * self.emit.lanes)]

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

    def store(self, value, place, mask=None):
        if self.floats:
            value = self.b.sitofp(value, self.stored)
        place = self.b.bitcast(place, self.stored.as_pointer())
        size = self.emit.size if self.floats else 4
        if mask is None:
            self.b.store(value, place, align=size)
            return
        kind = ir.FunctionType(ir.VoidType(), [self.stored, place.type, I32, mask.type])
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

        best, where = emit.loop_if_any(rows, places.none(), one_row)
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
def _max_pairs(typing, bottom, b0, rows, width, count, together, offsets, mask, top, t0):
    numbers = _int64(b0, rows, width, count, together)
    signature = types.void(bottom, *numbers, offsets, mask, top, types.int64)

    def generate(context, builder, signature, arguments):
        bottom, b0, rows, width, count, together, offsets, mask, top, t0 = arguments
        kinds = signature.args
        emit = Emitter(context, builder, context.get_data_type(kinds[0].dtype))
        places = _Places(emit, kinds[7].dtype)
        plane = emit.pointer(kinds[0], bottom, b0)
        mask, top = emit.pointer(kinds[7], mask, t0), emit.pointer(kinds[8], top, t0)
        with builder.if_else(builder.icmp_signed(">", together, I64(0))) as (then, otherwise):
            with then:
                offsets = builder.bitcast(emit.pointer(kinds[6], offsets), ir.VectorType(I64, emit.lanes).as_pointer())
                offsets = builder.load(offsets, align=8)
                _pairs_of_rows(emit, places, plane, rows, width, count, together, offsets, mask, top)
            with otherwise:
                _pairs_of_row(emit, places, plane, rows, width, count, mask, top)
        return context.get_dummy_value()

    return signature, generate


def _pairs_of_rows(emit, places, plane, rows, width, count, together, offsets, mask, top):
    """``together`` rows of maxima in a vector; ``offsets`` are those of their windows from the first one's."""
    builder = emit.b

    def block(number, state):
        row = builder.mul(number, together)
        rest = builder.mul(builder.sub(rows, row), count)
        used = builder.mul(together, count)
        wanted = emit.below(builder.select(builder.icmp_signed("<", rest, used), rest, used))
        start = builder.mul(builder.mul(row, I64(2)), width)

        def pixels(line, odd):
            first = builder.add(start, builder.add(builder.mul(I64(line), width), I64(odd)))
            here = builder.add(emit.splat(builder.trunc(first, I32)), builder.trunc(offsets, places.kind))
            return emit.gather_at(builder.gep(plane, [first]), offsets, wanted), here

        best, where = _greatest(emit, places, [pixels(line, odd) for line in range(2) for odd in range(2)])
        place = builder.mul(row, count)
        emit.store(best, builder.gep(top, [place]), wanted)
        places.store(where, builder.gep(mask, [place]), wanted)
        return []

    emit.loop(builder.sdiv(builder.add(rows, builder.sub(together, I64(1))), together), [], block)


def _pairs_of_row(emit, places, plane, rows, width, count, mask, top):
    """A row of maxima after another. Stores under a mask are slow: all but the last may run over their end."""
    builder = emit.b
    doubles = ir.Constant(places.kind, [2 * lane for lane in range(emit.lanes)])

    def row(number, state):
        def block(j, state):
            rest = builder.mul(builder.sub(count, j), I64(2))
            low, high = emit.below(rest), emit.below(builder.sub(rest, I64(emit.lanes)))
            candidates = []
            for line in range(2):
                start = builder.add(builder.mul(number, I64(2)), I64(line))
                start = builder.add(builder.mul(start, width), builder.mul(j, I64(2)))
                place = builder.gep(plane, [start])
                pair = emit.even_and_odd(emit.load(place, low), emit.load(builder.gep(place, [I64(emit.lanes)]), high))
                for odd, value in enumerate(pair):
                    first = emit.splat(builder.trunc(builder.add(start, I64(odd)), I32))
                    candidates.append((value, builder.add(first, doubles)))
            best, where = _greatest(emit, places, candidates)
            place = builder.add(builder.mul(number, count), j)
            left = builder.sub(builder.mul(rows, count), place)
            with builder.if_else(builder.icmp_signed(">=", left, I64(emit.lanes))) as (then, otherwise):
                with then:
                    emit.store(best, builder.gep(top, [place]))
                    places.store(where, builder.gep(mask, [place]))
                with otherwise:
                    wanted = emit.below(builder.sub(count, j))
                    emit.store(best, builder.gep(top, [place]), wanted)
                    places.store(where, builder.gep(mask, [place]), wanted)
            return []

        emit.loop(count, [], block, emit.lanes)
        return []

    emit.loop(rows, [], row)


def _greatest(emit, places, candidates):
    """The first of the greatest among vectors of values, and its place."""
    best, where = places.none()
    for value, here in candidates:
        better = emit.b.fcmp_ordered(">", value, best)
        best, where = emit.b.select(better, value, best), emit.b.select(better, here, where)
    return best, where


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


@intrinsic
def _owed_row(typing, top_diff, mask, t0, pooled_width, rows, kernel_w, shift, start, count, bottom_diff, b0):
    signature = types.void(
        top_diff, mask, *_int64(t0, pooled_width, rows, kernel_w, shift, start, count), bottom_diff, types.int64
    )

    def generate(context, builder, signature, arguments):
        top_diff, mask, t0, pooled_width, rows, kernel_w, shift, start, count, bottom_diff, b0 = arguments
        kinds = signature.args
        emit = Emitter(context, builder, context.get_data_type(kinds[0].dtype))
        places = _Places(emit, kinds[1].dtype)
        top_diff = emit.pointer(kinds[0], top_diff, t0)
        mask = emit.pointer(kinds[1], mask, t0)
        target = emit.pointer(kinds[9], bottom_diff, b0)

        def block(j, _):
            here = emit.lane_numbers(builder.add(start, j))

            def one_row(r, held):
                line = builder.mul(r, pooled_width)

                def one_column(c, held):
                    first = builder.add(builder.add(j, shift), c)
                    inside, at = emit.within(first, pooled_width), builder.add(line, first)
                    value = emit.load(builder.gep(top_diff, [at]), inside)
                    hit = builder.icmp_signed("==", places.load(builder.gep(mask, [at]), inside), here)
                    total = builder.fadd(held[0], value)
                    return [builder.select(builder.and_(inside, hit), total, held[0])]

                return emit.loop_if_any(kernel_w, held, one_column)

            (total,) = emit.loop_if_any(rows, [emit.zero], one_row)
            emit.store(total, builder.gep(target, [j]), emit.below(builder.sub(count, j)))
            return []

        emit.loop_if_any(count, [], block, emit.lanes)
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


def _plain_max_pairs(bottom, b0, rows, width, count, together, offsets, mask, top, t0):
    """`max_row` with 2x2 windows for each of ``rows`` rows of maxima, ``count`` long, that cover the plane.

    Where rows are short, ``together`` of them are computed at a time: ``offsets``, as many as a vector has lanes, are
    the distances of their windows from the first one's.
    """
    for row in range(rows):
        _plain_max_row(bottom, b0, 2 * row, 2, width, 0, 2, 2, count, mask, top, t0 + row * count)


def _plain_spread_row(top_diff, mask, t0, row, width, count, bottom_diff, b0):
    """Two rows of ``bottom_diff``, the first from ``b0 + row width`` on: ``top_diff[t0 + j]`` at the place
    ``mask[t0 + j]``, else 0."""
    for line in range(row, row + 2):
        for column in range(2 * count):
            place = line * width + column
            bottom_diff[b0 + place] = top_diff[t0 + column // 2] if mask[t0 + column // 2] == place else 0


def _plain_owed_row(top_diff, mask, t0, pooled_width, rows, kernel_w, shift, start, count, bottom_diff, b0):
    """``bottom_diff[b0 + j]``: the sum of ``top_diff[t0 + r pooled_width + column]`` where ``mask`` is ``start + j``.

    ``column = j + shift + c`` within ``pooled_width``; ``r < rows``, ``c < kernel_w``, ``j < count``, in this order.
    """
    for j in range(count):
        total = top_diff.dtype.type(0)
        for r in range(rows):
            for column in range(max(j + shift, 0), min(j + shift + kernel_w, pooled_width)):
                at = t0 + r * pooled_width + column
                if mask[at] == start + j:
                    total += top_diff[at]
        bottom_diff[b0 + j] = total


if numba.config.DISABLE_JIT:
    max_pairs, max_row, owed_row = _plain_max_pairs, _plain_max_row, _plain_owed_row
    spread_row = _plain_spread_row
else:
    max_pairs, max_row, owed_row, spread_row = _max_pairs, _max_row, _owed_row, _spread_row
