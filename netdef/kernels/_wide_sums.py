"""Sums of rows in float64, in vector registers; see `netdef.kernels.tiles` for why and how.

    wide_sum         sum of values
    wide_dot         sum of products
    wide_deviation   sum of squared distances from a value
    wide_greatest    the greatest of one or more values

Terms are computed in the arrays' dtype; lane by lane they are added in float64, then the lanes in order.
"""

from __future__ import annotations

import numba
import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from netdef.kernels._emitter import I32, Emitter

__all__ = ["wide_deviation", "wide_dot", "wide_greatest", "wide_sum"]


def _sum(emit, count, term):
    """The float64 sum of ``term(j, wanted)``, vectors that are 0 outside of the mask ``wanted``."""
    builder, double = emit.b, ir.DoubleType()
    halves = 8 // emit.size
    lanes = emit.lanes // halves
    kind = ir.VectorType(double, lanes)

    def block(j, totals):
        value = term(j, emit.below(builder.sub(count, j)))
        found = []
        for half, total in enumerate(totals):
            part = value
            if halves > 1:
                picked = ir.Constant(ir.VectorType(I32, lanes), list(range(half * lanes, (half + 1) * lanes)))
                part = builder.fpext(builder.shuffle_vector(value, emit.undefined, picked), kind)
            found.append(builder.fadd(total, part))
        return found

    totals = emit.loop_if_any(count, [ir.Constant(kind, None)] * halves, block, emit.lanes)
    result = ir.Constant(double, 0.0)
    for total in totals:
        for lane in range(lanes):
            result = builder.fadd(result, builder.extract_element(total, I32(lane)))
    return result


@intrinsic
def _wide_sum(typing, values, start, count):
    def generate(context, builder, signature, arguments):
        kind = signature.args[0]
        emit = Emitter(context, builder, context.get_data_type(kind.dtype))
        values = emit.pointer(kind, arguments[0], arguments[1])
        return _sum(emit, arguments[2], lambda j, wanted: emit.load(builder.gep(values, [j]), wanted))

    return types.float64(values, types.int64, types.int64), generate


@intrinsic
def _wide_dot(typing, first, second, start, count):
    def generate(context, builder, signature, arguments):
        kinds = signature.args
        emit = Emitter(context, builder, context.get_data_type(kinds[0].dtype))
        one, other = (emit.pointer(kinds[i], arguments[i], arguments[2]) for i in range(2))

        def term(j, wanted):
            return builder.fmul(*(emit.load(builder.gep(array, [j]), wanted) for array in (one, other)))

        return _sum(emit, arguments[3], term)

    return types.float64(first, second, types.int64, types.int64), generate


@intrinsic
def _wide_deviation(typing, values, centre, start, count):
    def generate(context, builder, signature, arguments):
        kind = signature.args[0]
        emit = Emitter(context, builder, context.get_data_type(kind.dtype))
        values, middle = emit.pointer(kind, arguments[0], arguments[2]), emit.splat(arguments[1])

        def term(j, wanted):
            distance = builder.fsub(emit.load(builder.gep(values, [j]), wanted), middle)
            return builder.select(wanted, builder.fmul(distance, distance), emit.zero)

        return _sum(emit, arguments[3], term)

    return types.float64(values, values.dtype, types.int64, types.int64), generate


@intrinsic
def _wide_greatest(typing, values, start, count):
    def generate(context, builder, signature, arguments):
        kind = signature.args[0]
        emit = Emitter(context, builder, context.get_data_type(kind.dtype))
        values = emit.pointer(kind, arguments[0], arguments[1])

        def block(j, held):
            wanted = emit.below(builder.sub(arguments[2], j))
            value = emit.load(builder.gep(values, [j]), wanted)
            better = builder.and_(wanted, builder.fcmp_ordered(">", value, held[0]))
            return [builder.select(better, value, held[0])]

        (best,) = emit.loop(arguments[2], [emit.splat(builder.load(values))], block, emit.lanes)
        result = builder.extract_element(best, I32(0))
        for lane in range(1, emit.lanes):
            other = builder.extract_element(best, I32(lane))
            result = builder.select(builder.fcmp_ordered(">", other, result), other, result)
        return result

    return values.dtype(values, types.int64, types.int64), generate


def _plain_wide_greatest(values, start, count):
    best = values[start]
    for value in values[start : start + count]:
        best = value if value > best else best
    return best


def _plain_wide_sum(values, start, count):
    return np.sum(values[start : start + count], dtype=np.float64)


def _plain_wide_dot(first, second, start, count):
    return np.sum(first[start : start + count] * second[start : start + count], dtype=np.float64)


def _plain_wide_deviation(values, centre, start, count):
    return np.sum((values[start : start + count] - centre) ** 2, dtype=np.float64)


if numba.config.DISABLE_JIT:
    wide_sum, wide_dot, wide_deviation = _plain_wide_sum, _plain_wide_dot, _plain_wide_deviation
    wide_greatest = _plain_wide_greatest
else:
    wide_sum, wide_dot, wide_deviation = _wide_sum, _wide_dot, _wide_deviation
    wide_greatest = _wide_greatest
