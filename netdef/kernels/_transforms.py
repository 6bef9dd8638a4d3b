"""Transposing, and the small constant matrices of Winograd's convolution, in vector registers; see
`netdef.kernels.tiles` for why and how.

    transpose_rows     rows to columns
    to_points, …       target = matrix source matrix^T, of pixels that are vectors

A correlation of 5 taps at 2 places is ``outputs (taps g * inputs d)``: both are evaluated as polynomials at 5 points
and at infinity, multiplied, and interpolated (Cook and Toom; Winograd 1980; Lavin and Gray 2015). These points keep
the rounding of float32 within 1.5 times that of direct sums; with the usual 0, 1, -1, 2, -2 it is 3 times.
"""

from __future__ import annotations

from fractions import Fraction

import numba
import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from netdef.kernels._emitter import I64, VECTOR_BYTES, Emitter

__all__ = [
    "POINTS",
    "SIZE",
    "TAPS",
    "add_from_points",
    "from_taps",
    "outputs_to_points",
    "to_outputs",
    "to_points",
    "to_taps",
    "transpose_rows",
]

_POINTS = (Fraction(0), Fraction(3, 4), Fraction(-3, 4), Fraction(3, 2), Fraction(-3, 2))
POINTS = len(_POINTS) + 1  # and infinity
TAPS, SIZE = 5, 2  # along an axis, SIZE outputs of a tile: POINTS + 1 in all


def _polynomial(roots) -> list[Fraction]:
    """The coefficients of ``prod (x - root)``, lowest first."""
    coefficients = [Fraction(1)]
    for root in roots:
        shifted = [Fraction(0), *coefficients]
        coefficients = [high - root * low for high, low in zip(shifted, [*coefficients, Fraction(0)])]
    return coefficients


def _inputs() -> np.ndarray:
    """Inputs to points: the row of a point is the polynomial of all other points."""
    rows = [_polynomial(_POINTS[:i] + _POINTS[i + 1 :]) + [Fraction(0)] for i in range(len(_POINTS))]
    return np.array([*rows, _polynomial(_POINTS)], float)


def _taps(count: int) -> np.ndarray:
    """Taps to points, over the product of the distances to all other points."""
    rows = []
    for i, point in enumerate(_POINTS):
        scale = Fraction(1)
        for other in _POINTS[:i] + _POINTS[i + 1 :]:
            scale *= point - other
        rows.append([point**k / scale for k in range(count)])
    return np.array([*rows, [0] * (count - 1) + [1]], float)


def _outputs(count: int) -> np.ndarray:
    """Points to outputs."""
    rows = [[point**k for point in _POINTS] + [Fraction(int(k == count - 1))] for k in range(count)]
    return np.array(rows, float)


def _vector_sum(emit, row, vectors):
    """``sum row[i] vectors[i]``, zeros left out."""
    total = None
    for factor, vector in zip(row, vectors):
        if factor == 0:
            continue
        if total is None:
            total = vector if factor == 1 else emit.b.fmul(emit.splat(ir.Constant(emit.element, factor)), vector)
        elif abs(factor) == 1:
            total = (emit.b.fadd if factor == 1 else emit.b.fsub)(total, vector)
        else:
            total = emit.multiply_add(emit.splat(ir.Constant(emit.element, factor)), vector, total)
    return emit.zero if total is None else total


def _transform(matrix: np.ndarray, add: bool):
    """A function that multiplies a square of vectors by ``matrix`` from both sides, in LLVM's code."""
    outputs, inputs = matrix.shape

    @intrinsic
    def transform(typing, source, s0, s_row, s_column, start, target, t0, t_row, t_column):
        number = types.int64
        signature = types.void(source, number, number, number, source.dtype, target, number, number, number)

        def generate(context, builder, signature, arguments):
            source, s0, s_row, s_column, start, target, t0, t_row, t_column = arguments
            emit = Emitter(context, builder, context.get_data_type(signature.args[0].dtype))
            source = emit.pointer(signature.args[0], source, s0)
            target = emit.pointer(signature.args[5], target, t0)
            room = cgutils.alloca_once(builder, ir.ArrayType(emit.vector, inputs * outputs), name="room")
            room = builder.bitcast(room, emit.element.as_pointer())

            def column(j, state):
                head = builder.gep(source, [builder.mul(j, s_column)])
                held = [emit.load(builder.gep(head, [builder.mul(s_row, I64(i))])) for i in range(inputs)]
                for i, row in enumerate(matrix):
                    place = builder.add(I64(i * inputs * emit.lanes), builder.mul(j, I64(emit.lanes)))
                    emit.store(_vector_sum(emit, row, held), builder.gep(room, [place]))
                return []

            first = emit.splat(start)

            def line(i, state):
                head = builder.gep(target, [builder.mul(i, t_row)])
                place = builder.mul(i, I64(inputs * emit.lanes))
                held = [emit.load(builder.gep(room, [builder.add(place, I64(j * emit.lanes))])) for j in range(inputs)]
                for j, row in enumerate(matrix):
                    value = _vector_sum(emit, row, held)
                    place_out = builder.gep(head, [builder.mul(t_column, I64(j))])
                    emit.store(builder.fadd(emit.load(place_out) if add else first, value), place_out)
                return []

            emit.loop(I64(inputs), [], column)
            emit.loop(I64(outputs), [], line)
            return context.get_dummy_value()

        return signature, generate

    return transform


def _plain_transform(matrix: np.ndarray, add: bool):
    outputs, inputs = matrix.shape

    def transform(source, s0, s_row, s_column, start, target, t0, t_row, t_column):
        """``target[t0 + i t_row + j t_column + lane] = start + sum matrix[i, k] matrix[j, l]
        source[s0 + k s_row + l s_column + lane]``, or added to the target, without ``start``."""
        lanes = np.arange(VECTOR_BYTES // source.itemsize)
        read = np.add.outer(np.add.outer(s_row * np.arange(inputs), s_column * np.arange(inputs)), lanes)
        values = np.einsum("ik,jl,klv->ijv", matrix, matrix, source[s0 + read].astype(float))
        for i in range(outputs):
            for j in range(outputs):
                place = t0 + i * t_row + j * t_column
                held = target[place : place + lanes.size]
                held[...] = (held if add else start) + values[i, j]

    return transform


@intrinsic
def _transpose_rows(typing, rows, stored, columns, source, s0, source_step, target, t0, target_step):
    number = types.int64
    signature = types.void(number, number, number, source, number, number, target, number, number)

    def generate(context, builder, signature, arguments):
        rows, stored, columns, source, s0, source_step, target, t0, target_step = arguments
        emit = Emitter(context, builder, context.get_data_type(signature.args[3].dtype))
        source = emit.pointer(signature.args[3], source, s0)
        target = emit.pointer(signature.args[6], target, t0)
        lanes = emit.lanes

        def down(i, state):
            inside = builder.sub(rows, i)
            wanted_rows = builder.sub(stored, i)
            whole = builder.icmp_signed(">=", wanted_rows, I64(lanes))

            def across(j, state):
                rest = builder.sub(columns, j)
                mask = emit.below(rest)
                vectors = []
                for r in range(lanes):
                    there = builder.icmp_signed("<", I64(r), inside)
                    row = builder.select(there, builder.add(i, I64(r)), i)
                    place = builder.gep(source, [builder.add(builder.mul(row, source_step), j)])
                    vectors.append(builder.select(there, emit.load(place, mask), emit.zero))
                half = lanes // 2
                for _ in range(lanes.bit_length() - 1):  # as many shuffles of a pack of cards turn it over
                    pairs = [emit.interleaved(vectors[k], vectors[k + half]) for k in range(half)]
                    vectors = [vector for pair in pairs for vector in pair]
                for c in range(lanes):
                    place = builder.gep(target, [builder.add(builder.mul(builder.add(j, I64(c)), target_step), i)])
                    wanted = builder.icmp_signed("<", I64(c), rest)
                    with builder.if_then(wanted):
                        with builder.if_else(whole) as (then, otherwise):  # stores under a mask are slow
                            with then:
                                emit.store(vectors[c], place)
                            with otherwise:
                                emit.store(vectors[c], place, emit.below(wanted_rows))
                return []

            emit.loop(columns, [], across, lanes)
            return []

        emit.loop_if_any(rows, [], down, lanes)
        return context.get_dummy_value()

    return signature, generate


def _plain_transpose_rows(rows, stored, columns, source, s0, source_step, target, t0, target_step):
    """``target[t0 + j target_step + i] = source[s0 + i source_step + j]`` for ``i < rows``, ``j < columns``.

    The columns of the target become ``stored`` long, with zeros from ``rows`` on, less than a vector of them.
    """
    i, j = np.arange(rows)[:, None], np.arange(columns)
    for column in range(columns):
        target[t0 + column * target_step : t0 + column * target_step + stored] = 0
    target[t0 + j * target_step + i] = source[s0 + i * source_step + j]


if numba.config.DISABLE_JIT:
    transpose_rows, _make = _plain_transpose_rows, _plain_transform
else:
    transpose_rows, _make = _transpose_rows, _transform

to_points = _make(_inputs(), False)
add_from_points = _make(_inputs().T, True)
from_taps, to_taps = _make(_taps(TAPS), False), _make(_taps(TAPS).T, False)
to_outputs, outputs_to_points = _make(_outputs(SIZE), False), _make(_outputs(SIZE).T, False)
