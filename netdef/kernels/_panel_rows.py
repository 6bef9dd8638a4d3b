"""Rows of a matrix laid side by side in panels: `netdef.kernels.panels` tells why, `netdef.kernels.tiles` how."""

from __future__ import annotations

import numba
from numba import types
from numba.extending import intrinsic

from netdef.kernels._emitter import I64, TILE_VECTORS, VECTOR_BYTES, Emitter
from netdef.kernels._pool_rows import _int64

__all__ = ["lay_rows"]


@intrinsic
def _lay_rows(typing, source, s0, steps, k0, count, columns, target, t0):
    signature = types.void(*_int64(source, s0, steps, k0, count, columns, target, t0))

    def generate(context, builder, signature, arguments):
        source, s0, steps, k0, count, columns, target, t0 = arguments
        kinds = signature.args
        emit = Emitter(context, builder, context.get_data_type(kinds[0].dtype))
        source, steps = emit.pointer(kinds[0], source, s0), emit.pointer(kinds[2], steps, k0)
        target, lanes = emit.pointer(kinds[6], target, t0), emit.lanes
        vectors = builder.sdiv(builder.add(columns, I64(lanes - 1)), I64(lanes))
        rest = builder.sub(columns, builder.mul(builder.sub(vectors, I64(1)), I64(lanes)))
        last = emit.below(rest)
        end = builder.append_basic_block("end")
        switch = builder.switch(vectors, end)
        for number in range(1, TILE_VECTORS + 1):
            block = builder.append_basic_block(f"vectors_{number}")
            switch.add_case(I64(number), block)
            builder.position_at_end(block)

            def row(k, _, number=number):
                head = builder.gep(source, [builder.load(builder.gep(steps, [k]))])
                place = builder.gep(target, [builder.mul(k, I64(number * lanes))])
                for part in range(number):
                    mask = last if part == number - 1 else None
                    value = emit.load(builder.gep(head, [I64(part * lanes)]), mask)
                    emit.store(value, builder.gep(place, [I64(part * lanes)]))
                return []

            emit.loop_if_any(count, [], row)
            builder.branch(end)
        builder.position_at_end(end)
        return context.get_dummy_value()

    return signature, generate


def _plain_lay_rows(source, s0, steps, k0, count, columns, target, t0):
    """``target[t0 + k width + j] = source[s0 + steps[k0 + k] + j]`` for ``k < count`` and ``j < columns``.

    ``width`` is ``columns`` up to whole vectors, at most `TILE_VECTORS` of them; the elements between are zeros.
    """
    lanes = VECTOR_BYTES // source.itemsize
    width = -(-columns // lanes) * lanes
    for k in range(count):
        first = s0 + steps[k0 + k]
        target[t0 + k * width : t0 + (k + 1) * width] = 0
        target[t0 + k * width : t0 + k * width + columns] = source[first : first + columns]


lay_rows = _plain_lay_rows if numba.config.DISABLE_JIT else _lay_rows
