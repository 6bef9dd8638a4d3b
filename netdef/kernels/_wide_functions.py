"""exp, sigmoid and tanh of runs of float32 in vector registers; see `netdef.kernels.tiles` for why and how.

The formulas are those of `netdef.kernels.exponential`, with fused multiply-adds.
"""

from __future__ import annotations

import numba
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from netdef.kernels import exponential as scalar
from netdef.kernels._emitter import I32, I64, Emitter
from netdef.kernels._strided_rows import store_first

__all__ = ["exp_run", "sigmoid_run", "tanh_run"]

AHEAD = 512  # values that are fetched before they are read: the CPU by itself begins too late to hide the arithmetic
ONE_FROM = 10  # from 9.02 on float32's tanh is 1


def _number(emit, value):
    return ir.Constant(emit.vector, [ir.Constant(emit.element, float(value))] * emit.lanes)


def _whole(emit, value):
    return ir.Constant(ir.VectorType(I32, emit.lanes), [int(value)] * emit.lanes)


def _series(emit, value, coefficients):
    """A polynomial by Horner's rule, the highest power first."""
    total = _number(emit, coefficients[0])
    for coefficient in coefficients[1:]:
        total = emit.multiply_add(total, value, _number(emit, coefficient))
    return total


def _exp(emit, value):
    b = emit.b
    high, low = _number(emit, scalar.HIGHEST), _number(emit, scalar.LOWEST)
    bounded = b.select(b.fcmp_ordered(">", value, high), high, value)
    bounded = b.select(b.fcmp_ordered("<", bounded, low), low, bounded)
    rounded = emit.multiply_add(bounded, _number(emit, scalar.PER_LOG2), _number(emit, scalar.ROUNDER))
    whole = b.fsub(rounded, _number(emit, scalar.ROUNDER))
    rest = emit.multiply_add(whole, _number(emit, -scalar.LOG2_HIGH), bounded)
    rest = emit.multiply_add(whole, _number(emit, -scalar.LOG2_LOW), rest)
    series = _series(emit, rest, (scalar.P0, scalar.P1, scalar.P2, scalar.P3, scalar.P4, scalar.P5))
    fraction = b.fadd(emit.multiply_add(series, b.fmul(rest, rest), rest), _number(emit, 1))
    power = b.sub(b.bitcast(rounded, ir.VectorType(I32, emit.lanes)), _whole(emit, scalar.ROUNDER_BITS))
    half = b.ashr(power, _whole(emit, 1))  # 2**power itself may be too large or too small for a float32
    for part in (half, b.sub(power, half)):
        bits = b.shl(b.add(part, _whole(emit, scalar.BIAS)), _whole(emit, 23))
        fraction = b.fmul(fraction, b.bitcast(bits, emit.vector))
    return fraction


def _sigmoid(emit, value):
    one = _number(emit, 1)
    return emit.b.fdiv(one, emit.b.fadd(one, _exp(emit, emit.b.fneg(value))))


def _tanh(emit, value):
    """What `exponential.tanh` gives: halves of its numbers and shifted exponents take fewer instructions."""
    b, whole_kind = emit.b, ir.VectorType(I32, emit.lanes)
    bits = b.bitcast(value, whole_kind)
    size = b.bitcast(b.and_(bits, _whole(emit, 0x7FFFFFFF)), emit.vector)
    square = b.fmul(size, size)
    coefficients = scalar.T11, scalar.T9, scalar.T7, scalar.T5, scalar.T3
    near = b.fmul(size, emit.multiply_add(square, _series(emit, square, coefficients), _number(emit, 1)))
    highest = _number(emit, ONE_FROM)
    bounded = b.select(b.fcmp_ordered(">", size, highest), highest, size)
    rounded = emit.multiply_add(bounded, _number(emit, 2 * scalar.PER_LOG2), _number(emit, scalar.ROUNDER))
    count = b.fsub(rounded, _number(emit, scalar.ROUNDER))
    half = emit.multiply_add(count, _number(emit, -scalar.LOG2_HIGH / 2), bounded)
    half = emit.multiply_add(count, _number(emit, -scalar.LOG2_LOW / 2), half)
    powers = scalar.P0, scalar.P1, scalar.P2, scalar.P3, scalar.P4, scalar.P5
    series = _series(emit, half, [2.0 ** (6 - number) * float(power) for number, power in enumerate(powers)])
    fraction = emit.multiply_add(series, b.fmul(half, half), half)
    fraction = b.fadd(b.fadd(fraction, fraction), _number(emit, 1))
    exponent = b.shl(b.bitcast(rounded, whole_kind), _whole(emit, 23))
    power = b.bitcast(b.add(b.bitcast(fraction, whole_kind), exponent), emit.vector)
    far = b.fsub(_number(emit, 1), b.fdiv(_number(emit, 2), b.fadd(power, _number(emit, 1))))
    result = b.select(b.fcmp_unordered("<", size, _number(emit, scalar.NEAR)), near, far)  # near is NaN at NaN
    return b.bitcast(b.or_(b.bitcast(result, whole_kind), b.and_(bits, _whole(emit, -0x80000000))), emit.vector)


def _run(function):
    """The intrinsic of an elementwise function."""

    @intrinsic
    def run(typing, bottom, first, count, top):
        signature = types.void(bottom, types.int64, types.int64, top)

        def generate(context, builder, signature, arguments):
            bottom, first, count, top = arguments
            kinds = signature.args
            if kinds[0].dtype != types.float32:  # such a call is compiled, but stands behind a test that never holds
                return context.get_dummy_value()
            emit = Emitter(context, builder, context.get_data_type(kinds[0].dtype))
            bottom, top = emit.pointer(kinds[0], bottom, first), emit.pointer(kinds[3], top, first)
            rest = builder.srem(count, I64(emit.lanes))
            whole = builder.sub(count, rest)

            def block(i, _):
                emit.prefetch(builder.gep(bottom, [builder.add(i, I64(AHEAD))]))
                emit.store(function(emit, emit.load(builder.gep(bottom, [i]))), builder.gep(top, [i]))
                return []

            emit.loop_if_any(whole, [], block, emit.lanes)
            with builder.if_then(builder.icmp_signed(">", rest, I64(0))):
                value = emit.load(builder.gep(bottom, [whole]), emit.below(rest))
                store_first(emit, function(emit, value), builder.gep(top, [whole]), rest)
            return context.get_dummy_value()

        return signature, generate

    return run


def _plain_exp_run(bottom, first, count, top):
    """``top[i] = exp(bottom[i])`` for ``first <= i < first + count``; float32."""
    for i in range(first, first + count):
        top[i] = scalar.exp(bottom[i])


def _plain_sigmoid_run(bottom, first, count, top):
    """``top[i] = 1 / (1 + exp(-bottom[i]))`` for ``first <= i < first + count``; float32."""
    for i in range(first, first + count):
        top[i] = scalar.sigmoid(bottom[i])


def _plain_tanh_run(bottom, first, count, top):
    """``top[i] = tanh(bottom[i])`` for ``first <= i < first + count``; float32."""
    for i in range(first, first + count):
        top[i] = scalar.tanh(bottom[i])


if numba.config.DISABLE_JIT:
    exp_run, sigmoid_run, tanh_run = _plain_exp_run, _plain_sigmoid_run, _plain_tanh_run
else:
    exp_run, sigmoid_run, tanh_run = _run(_exp), _run(_sigmoid), _run(_tanh)
