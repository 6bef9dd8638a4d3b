"""Register tiles: the few inner loops that decide how fast convolution and inner product are.

A compiler left alone does not keep a block of sums in registers, so these loops are written in LLVM's own
vector types and come out as one fused multiply-add after another. They are intrinsics: Numba puts them into
the kernel that calls them, and so into its cache. Their sizes suit the CPU at hand. `_plain_tiles` has the
same in NumPy, for ``NUMBA_DISABLE_JIT=1``.

All arrays are C-contiguous and are addressed flat, by an offset in elements (``a0``, ``b0``, …). Where an
argument is an array it may as well be a C pointer. `netdef.kernels.blocks` calls the two large tiles for kernels.

    multiply_tile   c[i, j] = start[i] + sum_k a[i, k] b[k, j]     j along the vectors
    dot_tile        d[i, j] = start[j] + sum_n a[i, n] b[j, n]     n along the vectors; or added to d
    copy_rows       rows, shifted, with zeros around them
    fold_row        a row that is the sum of shifted rows
    sum_row         the sum of a row

Each sum runs in an order that depends on its length alone, so that the way in which work is cut into tiles
never shows in the result.
"""

from __future__ import annotations

import numba
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from netdef.kernels import _plain_tiles
from netdef.kernels._emitter import (
    DOT_COLUMNS,
    DOT_ROWS,
    I64,
    TILE_BYTES,
    TILE_ROWS,
    TILE_VECTORS,
    Emitter,
)

__all__ = [
    "DOT_COLUMNS",
    "DOT_ROWS",
    "TILE_BYTES",
    "TILE_ROWS",
    "TILE_VECTORS",
    "copy_rows",
    "dot_tile",
    "fold_row",
    "multiply_tile",
    "sum_row",
]


def _signature(*arguments):
    """int64 for integers; arrays as they are."""
    return types.void(*[types.int64 if isinstance(kind, types.Integer) else kind for kind in arguments])


def _element(context, array_type):
    return context.get_data_type(array_type.dtype)


@intrinsic
def _multiply_tile(typing, rows, columns, depth, i0, a, a0, a_rows, a_steps, m0, b, b0, steps, k0,
                   start, s0, add, c, c0, places, ahead):  # fmt: skip
    signature = _signature(rows, columns, depth, i0, a, a0, a_rows, a_steps, m0, b, b0, steps, k0,
                           start, s0, add, c, c0, places, ahead)  # fmt: skip

    def generate(context, builder, signature, arguments):
        (rows, columns, depth, i0, a, a0, a_rows, a_steps, m0, b, b0, steps, k0,
         start, s0, add, c, c0, places, ahead) = arguments  # fmt: skip
        kinds = signature.args
        emit = Emitter(context, builder, _element(context, kinds[4]))
        a = emit.pointer(kinds[4], a, a0)
        a_rows = emit.pointer(kinds[6], a_rows, i0)
        a_steps = emit.pointer(kinds[7], a_steps, m0)
        b = emit.pointer(kinds[9], b, b0)
        steps = emit.pointer(kinds[11], steps, k0)
        start = emit.pointer(kinds[13], start, s0, i0)
        c = emit.pointer(kinds[16], c, c0)
        places = emit.pointer(kinds[18], places, i0)
        adding = builder.icmp_signed("!=", add, I64(0))
        lanes = I64(emit.lanes)
        vectors = builder.sdiv(builder.add(columns, I64(emit.lanes - 1)), lanes)
        whole = builder.icmp_signed("==", columns, I64(emit.lanes * TILE_VECTORS))
        variant = builder.select(whole, I64(0), vectors)
        end = builder.append_basic_block("end")
        switch = builder.switch(builder.add(builder.mul(rows, I64(16)), variant), end)
        for row_count in range(1, TILE_ROWS + 1):
            for vector_count in range(TILE_VECTORS + 1):
                block = builder.append_basic_block(f"tile_{row_count}_{vector_count}")
                switch.add_case(I64(row_count * 16 + vector_count), block)
                builder.position_at_end(block)
                masks = [None] * TILE_VECTORS
                if vector_count:
                    rest = builder.sub(columns, I64((vector_count - 1) * emit.lanes))
                    masks = [None] * (vector_count - 1) + [emit.below(rest)]
                sums = _multiply_loop(emit, row_count, masks, depth, a, a_rows, a_steps, b, steps, start, ahead)
                _put_sums(emit, sums, masks, adding, c, places)
                builder.branch(end)
        builder.position_at_end(end)
        return context.get_dummy_value()

    return signature, generate


def _multiply_loop(emit, rows, masks, depth, a, a_rows, a_steps, b, steps, start, ahead):
    """The sums of a tile, as a list of rows of vectors, flat; what lies ``ahead`` of each row of ``a`` is fetched."""
    builder = emit.b
    heads = [builder.gep(a, [builder.load(builder.gep(a_rows, [I64(i)]))]) for i in range(rows)]
    state = []
    for i in range(rows):
        state += [emit.splat(builder.load(builder.gep(start, [I64(i)])))] * len(masks)

    def step(k, sums):
        row = builder.gep(b, [builder.load(builder.gep(steps, [k]))])
        right = [emit.load(builder.gep(row, [I64(j * emit.lanes)]), mask) for j, mask in enumerate(masks)]
        place = builder.load(builder.gep(a_steps, [k]))
        begins = builder.icmp_signed("==", builder.and_(k, I64(emit.lanes - 1)), I64(0))
        with builder.if_then(begins):
            for head in heads:
                emit.prefetch(builder.gep(head, [builder.add(place, ahead)]))
        result = []
        for i in range(rows):
            left = emit.splat(builder.load(builder.gep(heads[i], [place])))
            for j in range(len(masks)):
                result.append(emit.multiply_add(left, right[j], sums[i * len(masks) + j]))
        return result

    return emit.loop(depth, state, step)


def _put_sums(emit, sums, masks, adding, c, places):
    """Write or add the sums of a tile, row by row: rows may overlap in memory."""
    builder = emit.b
    with builder.if_else(adding) as (then, otherwise):
        for branch, add in ((then, True), (otherwise, False)):
            with branch:
                for number, value in enumerate(sums):
                    i, j = divmod(number, len(masks))
                    row = builder.gep(c, [builder.load(builder.gep(places, [I64(i)]))])
                    place = builder.gep(row, [I64(j * emit.lanes)])
                    if add:
                        value = builder.fadd(value, emit.load(place, masks[j]))
                    emit.store(value, place, masks[j])


@intrinsic
def _dot_tile(typing, rows, columns, segments, length, a, a0, a_row, a_segment, b, b0, b_segment, places, k0,
              start, s0, add, d, d0, d_row):  # fmt: skip
    signature = _signature(rows, columns, segments, length, a, a0, a_row, a_segment, b, b0, b_segment, places, k0,
                           start, s0, add, d, d0, d_row)  # fmt: skip

    def generate(context, builder, signature, arguments):
        (rows, columns, segments, length, a, a0, a_row, a_segment, b, b0, b_segment, places, k0,
         start, s0, add, d, d0, d_row) = arguments  # fmt: skip
        kinds = signature.args
        emit = Emitter(context, builder, _element(context, kinds[4]))
        a = emit.pointer(kinds[4], a, a0)
        b = emit.pointer(kinds[8], b, b0)
        places = emit.pointer(kinds[11], places, k0)
        start = emit.pointer(kinds[13], start, s0)
        d = emit.pointer(kinds[16], d, d0)
        room = cgutils.alloca_once(
            builder, ir.ArrayType(emit.element, DOT_ROWS * DOT_COLUMNS + emit.lanes), name="room"
        )
        room = builder.bitcast(room, emit.element.as_pointer())
        last = builder.sub(columns, I64(1))
        bases = []
        for j in range(DOT_COLUMNS):  # columns beyond the last repeat it: they are computed and dropped
            column = builder.select(builder.icmp_signed("<", I64(j), columns), I64(j), last)
            bases.append(builder.gep(b, [builder.load(builder.gep(places, [column]))]))
        end = builder.append_basic_block("end")
        switch = builder.switch(rows, end)
        for row_count in range(1, DOT_ROWS + 1):
            block = builder.append_basic_block(f"dot_{row_count}")
            switch.add_case(I64(row_count), block)
            builder.position_at_end(block)
            heads = [builder.gep(a, [builder.mul(a_row, I64(i))]) for i in range(row_count)]
            sums = _dot_loop(emit, heads, bases, segments, length, a_segment, b_segment)
            _put_dots(emit, sums, row_count, columns, room, start, add, d, d_row)
            builder.branch(end)
        builder.position_at_end(end)
        return context.get_dummy_value()

    return signature, generate


def _dot_loop(emit, heads, bases, segments, length, a_segment, b_segment):
    builder = emit.b
    rest = builder.srem(length, I64(emit.lanes))
    whole = builder.sub(length, rest)

    def add_products(left_places, right_places, mask, sums):
        right = [emit.load(place, mask) for place in right_places]
        result = []
        for i, place in enumerate(left_places):
            left = emit.load(place, mask)
            result += [emit.multiply_add(left, value, sums[i * len(right) + j]) for j, value in enumerate(right)]
        return result

    def segment(s, sums):
        left_start, right_start = builder.mul(s, a_segment), builder.mul(s, b_segment)
        left = [builder.gep(head, [left_start]) for head in heads]
        right = [builder.gep(base, [right_start]) for base in bases]

        def move(places, n):
            return [builder.gep(place, [n]) for place in places]

        sums = emit.loop_if_any(
            whole, sums, lambda n, held: add_products(move(left, n), move(right, n), None, held), emit.lanes
        )
        return emit.loop_if_any(  # runs once where the length is no multiple of the lanes
            rest, sums, lambda n, held: add_products(move(left, whole), move(right, whole), emit.below(rest), held),
            emit.lanes,
        )  # fmt: skip

    return emit.loop(segments, [emit.zero] * (len(heads) * len(bases)), segment)


def _put_dots(emit, sums, rows, columns, room, start, add, d, d_row):
    builder = emit.b
    results, orders = emit.sums_across(sums)
    where = {}
    for r, (vector, order) in enumerate(zip(results, orders)):
        emit.store(vector, builder.gep(room, [I64(r * emit.lanes)]))
        for lane, number in enumerate(order):
            where.setdefault(number, r * emit.lanes + lane)
    adding = builder.icmp_signed("!=", add, I64(0))
    for j in range(DOT_COLUMNS):
        with builder.if_then(builder.icmp_signed("<", I64(j), columns)):
            first = builder.load(builder.gep(start, [I64(j)]))
            for i in range(rows):
                place = builder.gep(d, [builder.add(builder.mul(d_row, I64(i)), I64(j))])
                held = builder.select(adding, builder.load(place), first)
                value = builder.load(builder.gep(room, [I64(where[i * DOT_COLUMNS + j])]))
                builder.store(builder.fadd(held, value), place)


@intrinsic
def _copy_rows(typing, rows, source, s0, source_step, shift, size, count, target, t0, target_step):
    signature = _signature(rows, source, s0, source_step, shift, size, count, target, t0, target_step)

    def generate(context, builder, signature, arguments):
        rows, source, s0, source_step, shift, size, count, target, t0, target_step = arguments
        emit = Emitter(context, builder, _element(context, signature.args[1]))
        source = emit.pointer(signature.args[1], source, s0)
        target = emit.pointer(signature.args[7], target, t0)

        # Stores under a mask are slow. All but the last rows may run over their end: what they spoil is written
        # later. Hence the last block of columns comes first.
        blocks = builder.sdiv(builder.add(count, I64(emit.lanes - 1)), I64(emit.lanes))

        def columns(number, state):
            j = builder.mul(builder.sub(builder.sub(blocks, I64(1)), number), I64(emit.lanes))
            place = builder.add(j, shift)
            inside, wanted = emit.within(place, size), emit.below(builder.sub(count, j))
            room = builder.sub(builder.sub(builder.mul(rows, target_step), j), I64(emit.lanes))
            spare = builder.select(
                builder.icmp_signed("<", room, I64(0)), I64(0), builder.add(builder.sdiv(room, target_step), I64(1))
            )
            spare = builder.select(builder.icmp_signed("<", spare, rows), spare, rows)

            def copy(first, mask):
                def row(number, state):
                    r = builder.add(first, number)
                    value = emit.load(builder.gep(source, [builder.add(builder.mul(r, source_step), place)]), inside)
                    emit.store(value, builder.gep(target, [builder.add(builder.mul(r, target_step), j)]), mask)
                    return []

                return row

            emit.loop_if_any(spare, [], copy(I64(0), None))
            emit.loop_if_any(builder.sub(rows, spare), [], copy(spare, wanted))
            return []

        emit.loop_if_any(blocks, [], columns)
        return context.get_dummy_value()

    return signature, generate


@intrinsic
def _fold_row(typing, source, s0, rows, row_stride, length, pad, dilation, count, room, target, t0):
    signature = _signature(source, s0, rows, row_stride, length, pad, dilation, count, room, target, t0)

    def generate(context, builder, signature, arguments):
        source, s0, rows, row_stride, length, pad, dilation, count, room, target, t0 = arguments
        emit = Emitter(context, builder, _element(context, signature.args[0]))
        source = emit.pointer(signature.args[0], source, s0)
        target = emit.pointer(signature.args[9], target, t0)

        def step(j, state):
            def add_row(r, held):
                first = builder.sub(builder.add(j, pad), builder.mul(r, dilation))
                place = builder.gep(source, [builder.add(builder.mul(r, row_stride), first)])
                return [builder.fadd(held[0], emit.load(place, emit.within(first, length)))]

            (total,) = emit.loop(rows, [emit.zero], add_row)
            place = builder.gep(target, [j])
            free = builder.icmp_signed("<=", builder.add(j, I64(emit.lanes)), room)
            with builder.if_else(free) as (then, otherwise):  # stores under a mask are slow
                with then:
                    emit.store(total, place)
                with otherwise:
                    emit.store(total, place, emit.below(builder.sub(count, j)))
            return []

        emit.loop(count, [], step, emit.lanes)
        return context.get_dummy_value()

    return signature, generate


@intrinsic
def _sum_row(typing, source, s0, count):
    signature = source.dtype(source, types.int64, types.int64)

    def generate(context, builder, signature, arguments):
        source, s0, count = arguments
        emit = Emitter(context, builder, _element(context, signature.args[0]))
        source = emit.pointer(signature.args[0], source, s0)

        def step(j, held):
            rest = builder.sub(count, j)
            return [
                builder.fadd(
                    total,
                    emit.load(builder.gep(source, [builder.add(j, I64(part * emit.lanes))]),
                              emit.below(builder.sub(rest, I64(part * emit.lanes)))),
                )
                for part, total in enumerate(held)
            ]  # fmt: skip

        totals = emit.loop(count, [emit.zero] * 4, step, 4 * emit.lanes)
        pairs = builder.fadd(totals[0], totals[1]), builder.fadd(totals[2], totals[3])
        results, orders = emit.sums_across([builder.fadd(*pairs)])
        return builder.extract_element(results[0], I64(orders[0].index(0)))

    return signature, generate


if numba.config.DISABLE_JIT:
    copy_rows = _plain_tiles.copy_rows
    dot_tile = _plain_tiles.dot_tile
    fold_row = _plain_tiles.fold_row
    multiply_tile = _plain_tiles.multiply_tile
    sum_row = _plain_tiles.sum_row
else:
    copy_rows = _copy_rows
    dot_tile = _dot_tile
    fold_row = _fold_row
    multiply_tile = _multiply_tile
    sum_row = _sum_row
