"""Rows under a window of taps in vector registers; see `netdef.kernels.tiles` for why and how.

    tap_row     one row of weighted sums over the window
    tap_sums    what a row of taps gets from rows of gradients

Outside of a row there are zeros. A sum's order depends on the window alone.
"""

from __future__ import annotations

import numba
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from netdef.kernels._emitter import I32, I64, VECTOR_BYTES, Emitter
from netdef.kernels._pool_rows import _int64, _strided

__all__ = ["VECTOR_BYTES", "tap_row", "tap_sums"]

UNROLLED = 3  # taps side by side that get code of their own


def _variants(emit, stride, taps, body) -> None:
    """``body(variant, unrolled)`` for each stride with code of its own (0: any other) and for 3 taps, or any."""
    builder = emit.b
    end = builder.append_basic_block("end")
    switch = builder.switch(stride, builder.append_basic_block("any_stride"))
    for variant in (1, 2, 0):
        block = switch.default if variant == 0 else builder.append_basic_block(f"stride_{variant}")
        if variant:
            switch.add_case(I64(variant), block)
        builder.position_at_end(block)
        three, any_number = builder.append_basic_block("three"), builder.append_basic_block("any_number")
        builder.cbranch(builder.icmp_signed("==", taps, I64(UNROLLED)), three, any_number)
        for unrolled, part in ((True, three), (False, any_number)):
            builder.position_at_end(part)
            body(variant, unrolled)
            builder.branch(end)
    builder.position_at_end(end)


def _row_part(emit, row, first, width, stride, variant):
    """A vector of the row's elements ``first, first + stride, …``, 0 outside of ``[0, width)``."""
    builder = emit.b
    inside = emit.within(first, width)
    if variant == 0:
        numbers = ir.Constant(ir.VectorType(I32, emit.lanes), list(range(emit.lanes)))
        steps = builder.mul(numbers, emit.splat(builder.trunc(stride, I32)))
        lane = builder.add(emit.splat(builder.trunc(first, I32)), steps)
        inside = builder.icmp_unsigned("<", lane, emit.splat(builder.trunc(width, I32)))
    return _strided(emit, builder.gep(row, [first]), first, width, stride, inside, variant)


@intrinsic
def _tap_row(typing, source, s0, rows, row_step, width, shift, taps, tap_step, stride, count, weight, w0, w_row, w_tap,
             start, n0, target, t0, t_step):  # fmt: skip
    numbers = _int64(s0, rows, row_step, width, shift, taps, tap_step, stride, count)
    offsets = types.int64, types.int64, types.int64
    signature = types.void(source, *numbers, weight, *offsets, start, types.int64, target, types.int64, types.int64)

    def generate(context, builder, signature, arguments):
        (source, s0, rows, row_step, width, shift, taps, tap_step, stride, count, weight, w0, w_row, w_tap, start, n0,
         target, t0, t_step) = arguments  # fmt: skip
        kinds = signature.args
        emit = Emitter(context, builder, context.get_data_type(kinds[0].dtype))
        source, weight = emit.pointer(kinds[0], source, s0), emit.pointer(kinds[10], weight, w0)
        initial = emit.splat(builder.load(emit.pointer(kinds[14], start, n0)))
        target = emit.pointer(kinds[16], target, t0)

        def body(variant, unrolled):
            def block(j, _):
                left = builder.add(builder.mul(j, stride), shift)

                def one_row(r, held):
                    row = builder.gep(source, [builder.mul(r, row_step)])
                    factors = builder.gep(weight, [builder.mul(r, w_row)])

                    def one_tap(c, held):
                        first = builder.add(left, builder.mul(c, tap_step))
                        value = _row_part(emit, row, first, width, stride, variant)
                        factor = emit.splat(builder.load(builder.gep(factors, [builder.mul(c, w_tap)])))
                        return [emit.multiply_add(value, factor, held[0])]

                    if not unrolled:
                        return emit.loop_if_any(taps, held, one_tap)
                    for c in range(UNROLLED):
                        held = one_tap(I64(c), held)
                    return held

                (total,) = emit.loop_if_any(rows, [initial], one_row)
                wanted = emit.below(builder.sub(count, j))
                place = builder.gep(target, [builder.mul(j, t_step)])
                with builder.if_else(builder.icmp_signed("==", t_step, I64(1))) as (together, apart):
                    with together:
                        emit.store(total, place, wanted)
                    with apart:
                        emit.scatter(total, place, t_step, wanted)
                return []

            emit.loop_if_any(count, [], block, emit.lanes)

        _variants(emit, stride, taps, body)
        return context.get_dummy_value()

    return signature, generate


@intrinsic
def _tap_sums(typing, source, s0, source_step, diff, d0, diff_step, rows, width, shift, taps, tap_step, stride, count,
              sums, k0):  # fmt: skip
    numbers = _int64(rows, width, shift, taps, tap_step, stride, count)
    pair = types.int64, types.int64
    signature = types.void(source, *pair, diff, *pair, *numbers, sums, types.int64)

    def generate(context, builder, signature, arguments):
        (source, s0, source_step, diff, d0, diff_step, rows, width, shift, taps, tap_step, stride, count, sums,
         k0) = arguments  # fmt: skip
        kinds = signature.args
        emit = Emitter(context, builder, context.get_data_type(kinds[0].dtype))
        source, diff = emit.pointer(kinds[0], source, s0), emit.pointer(kinds[3], diff, d0)
        sums = emit.pointer(kinds[13], sums, k0)

        def add_taps(variant, numbers):
            places = [builder.gep(sums, [builder.mul(c, I64(emit.lanes))]) for c in numbers]

            def one_row(r, held):
                row = builder.gep(source, [builder.mul(r, source_step)])
                diffs = builder.gep(diff, [builder.mul(r, diff_step)])

                def block(j, held):
                    wanted = emit.below(builder.sub(count, j))
                    factor = emit.load(builder.gep(diffs, [j]), wanted)
                    left = builder.add(builder.mul(j, stride), shift)
                    found = []
                    for c, total in zip(numbers, held):
                        first = builder.add(left, builder.mul(c, tap_step))
                        value = _row_part(emit, row, first, width, stride, variant)
                        value = builder.select(wanted, value, emit.zero)
                        found.append(emit.multiply_add(value, factor, total))
                    return found

                return emit.loop_if_any(count, held, block, emit.lanes)

            found = emit.loop_if_any(rows, [emit.zero] * len(numbers), one_row)
            for place, total in zip(places, found):
                emit.store(builder.fadd(emit.load(place), total), place)
            return []

        def body(variant, unrolled):
            if unrolled:
                add_taps(variant, [I64(c) for c in range(UNROLLED)])
            else:
                emit.loop_if_any(taps, [], lambda c, _: add_taps(variant, [c]))

        _variants(emit, stride, taps, body)
        return context.get_dummy_value()

    return signature, generate


def _plain_tap_row(source, s0, rows, row_step, width, shift, taps, tap_step, stride, count, weight, w0, w_row, w_tap,
                   start, n0, target, t0, t_step):  # fmt: skip
    """``target[t0 + j t_step] = start[n0] + sum of weight[w0 + r w_row + c w_tap] source[s0 + r row_step + column]``.

    ``column = j stride + shift + c tap_step``; the terms with ``0 <= column < width`` count, ``r < rows``,
    ``c < taps`` and ``j < count``.
    """
    for j in range(count):
        total = start[n0]
        for r in range(rows):
            for c in range(taps):
                column = j * stride + shift + c * tap_step
                if 0 <= column < width:
                    total += weight[w0 + r * w_row + c * w_tap] * source[s0 + r * row_step + column]
        target[t0 + j * t_step] = total


def _plain_tap_sums(source, s0, source_step, diff, d0, diff_step, rows, width, shift, taps, tap_step, stride, count,
                    sums, k0):  # fmt: skip
    """Add ``sum of diff[d0 + r diff_step + j] source[s0 + r source_step + column]`` to tap ``c``'s partial sums.

    They are ``lanes = VECTOR_BYTES // itemsize`` numbers from ``sums[k0 + c lanes]`` on, which add up to the tap's
    sum; ``column`` and the ranges as in `tap_row`.
    """
    lanes = VECTOR_BYTES // sums.itemsize
    for c in range(taps):
        for r in range(rows):
            for j in range(count):
                column = j * stride + shift + c * tap_step
                if 0 <= column < width:
                    product = diff[d0 + r * diff_step + j] * source[s0 + r * source_step + column]
                    sums[k0 + c * lanes + j % lanes] += product


if numba.config.DISABLE_JIT:
    tap_row, tap_sums = _plain_tap_row, _plain_tap_sums
else:
    tap_row, tap_sums = _tap_row, _tap_sums
