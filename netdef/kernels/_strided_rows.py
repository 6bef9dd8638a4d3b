"""Every second pixel of a row, or every third, in vector registers; see `netdef.kernels.tiles` for why and how.

strided_rows    rows of every ``stride``-th element, with zeros around them
weave_row       a row whose even and odd elements are sums of shifted rows
"""

from __future__ import annotations

import numba
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from netdef.kernels._emitter import I32, I64, Emitter
from netdef.kernels._pool_rows import _int64

__all__ = ["store_first", "strided_rows", "weave_row"]


def _masks(emit, first, stride, size, variant):
    """Which lanes to read of ``first, first + stride, …``: of two vectors side by side where the stride is 2."""
    builder = emit.b
    if variant == 2:
        return emit.within(first, size), emit.within(builder.add(first, I64(emit.lanes)), size)
    numbers = ir.Constant(ir.VectorType(I32, emit.lanes), list(range(emit.lanes)))
    lane = builder.add(
        emit.splat(builder.trunc(first, I32)), builder.mul(numbers, emit.splat(builder.trunc(stride, I32)))
    )
    return (builder.icmp_unsigned("<", lane, emit.splat(builder.trunc(size, I32))),)


def _part(emit, place, stride, masks, variant):
    if variant != 2:
        return emit.gather(place, stride, masks[0])
    low, high = emit.load(place, masks[0]), emit.load(emit.b.gep(place, [I64(emit.lanes)]), masks[1])
    return emit.even_and_odd(low, high)[0]


def store_first(emit, value, place, count) -> None:
    """Store the first ``count`` lanes, at least one; without a mask where they are all: that is faster."""
    with emit.b.if_else(emit.b.icmp_signed(">=", count, I64(emit.lanes))) as (whole, partial):
        with whole:
            emit.store(value, place)
        with partial:
            emit.store(value, place, emit.below(count))


@intrinsic
def _strided_rows(typing, rows, source, s0, source_step, stride, shift, size, count, target, t0, target_step):
    numbers = _int64(rows, source, s0, source_step, stride, shift, size, count, target, t0, target_step)
    signature = types.void(*numbers)

    def generate(context, builder, signature, arguments):
        rows, source, s0, source_step, stride, shift, size, count, target, t0, target_step = arguments
        emit = Emitter(context, builder, context.get_data_type(signature.args[1].dtype))
        source = emit.pointer(signature.args[1], source, s0)
        target = emit.pointer(signature.args[8], target, t0)

        def columns(variant):
            def block(j, _):
                first = builder.add(builder.mul(j, stride), shift)
                rest = builder.sub(count, j)
                masks = _masks(emit, first, stride, size, variant)

                def row(r, _):
                    place = builder.gep(source, [builder.add(builder.mul(r, source_step), first)])
                    value = _part(emit, place, stride, masks, variant)
                    at = builder.gep(target, [builder.add(builder.mul(r, target_step), j)])
                    store_first(emit, value, at, rest)
                    return []

                emit.loop_if_any(rows, [], row)
                return []

            emit.loop_if_any(count, [], block, emit.lanes)

        with builder.if_else(builder.icmp_signed("==", stride, I64(2))) as (pairs, others):
            with pairs:
                columns(2)
            with others:
                columns(0)
        return context.get_dummy_value()

    return signature, generate


@intrinsic
def _weave_row(typing, source, s0, row_stride, length, row_step, back, row, taps, first, odd_row, odd_taps, odd_first,
               count, target, t0):  # fmt: skip
    numbers = _int64(row_stride, length, row_step, back, row, taps, first, odd_row, odd_taps, odd_first, count)
    signature = types.void(source, types.int64, *numbers, target, types.int64)

    def generate(context, builder, signature, arguments):
        source, s0, row_stride, length, row_step, back, *halves, count, target, t0 = arguments
        kinds = signature.args
        emit = Emitter(context, builder, context.get_data_type(kinds[0].dtype))
        source, target = emit.pointer(kinds[0], source, s0), emit.pointer(kinds[13], target, t0)
        row_stride_of_taps = builder.mul(row_step, row_stride)

        def half(j, row, taps, first):
            start, column = builder.mul(row, row_stride), builder.add(j, first)

            def add_row(n, held):
                place = builder.sub(column, builder.mul(n, back))
                at = builder.add(builder.add(start, builder.mul(n, row_stride_of_taps)), place)
                return [builder.fadd(held[0], emit.load(builder.gep(source, [at]), emit.within(place, length)))]

            return emit.loop_if_any(taps, [emit.zero], add_row)[0]

        def block(j, _):
            pair = half(j, *halves[:3]), half(j, *halves[3:])
            for part, value in enumerate(emit.interleaved(*pair)):
                at = builder.add(builder.mul(j, I64(2)), I64(part * emit.lanes))
                store_first(emit, value, builder.gep(target, [at]), builder.sub(count, at))
            return []

        emit.loop_if_any(builder.sdiv(builder.add(count, I64(1)), I64(2)), [], block, emit.lanes)
        return context.get_dummy_value()

    return signature, generate


def _plain_strided_rows(rows, source, s0, source_step, stride, shift, size, count, target, t0, target_step):
    """``target[t0 + r target_step + j] = source[s0 + r source_step + column]``, ``column = j stride + shift``.

    Where ``column`` is outside of ``[0, size)`` it is 0; ``r < rows``, ``j < count``.
    """
    for r in range(rows):
        for j in range(count):
            column = j * stride + shift
            inside = 0 <= column < size
            target[t0 + r * target_step + j] = source[s0 + r * source_step + column] if inside else 0


def _plain_weave_row(source, s0, row_stride, length, row_step, back, row, taps, first, odd_row, odd_taps, odd_first,
                     count, target, t0):  # fmt: skip
    """``target[t0 + 2 j] = sum_{n < taps} source[s0 + (row + n row_step) row_stride + column]``,
    ``column = j + first - n back``; the terms with ``0 <= column < length`` count. The ``odd_…`` numbers give
    ``target[t0 + 2 j + 1]``; ``count`` elements in all.
    """
    halves = (row, taps, first), (odd_row, odd_taps, odd_first)
    for i in range(count):
        start, number, shift = halves[i % 2]
        total = source.dtype.type(0)
        for n in range(number):
            column = i // 2 + shift - n * back
            if 0 <= column < length:
                total += source[s0 + (start + n * row_step) * row_stride + column]
        target[t0 + i] = total


if numba.config.DISABLE_JIT:
    strided_rows, weave_row = _plain_strided_rows, _plain_weave_row
else:
    strided_rows, weave_row = _strided_rows, _weave_row
