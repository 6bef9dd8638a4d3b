"""The linear maps of Winograd's F(4x4, 3x3) in vector registers; see `netdef.kernels.tiles` for why and how.

Every map takes a square of vectors and gives another: the one-dimensional map of its columns, then of its rows. The
points are 0, 1, -1, 2, -2 and infinity (A. Lavin, S. Gray, "Fast Algorithms for Convolutional Neural Networks", 2015,
section 4.2; arXiv 1509.09308). Squares of 6x6 have a distance from one of their vectors to the next.

    tile_values        6x6 pixels → 6x6 values
    filter_values      3x3 weights → 6x6 values
    tile_sums          6x6 products → 4x4 outputs
    gradient_values    4x4 gradients of outputs → 6x6 values
    filter_sums        6x6 products → 3x3 gradients of weights
"""

from __future__ import annotations

import numba
import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from netdef.kernels._emitter import I64, VECTOR_BYTES, Emitter
from netdef.kernels._pool_rows import _int64

__all__ = ["VECTOR_BYTES", "filter_sums", "filter_values", "gradient_values", "tile_sums", "tile_values"]


class _Maths:
    """Vectors and constants."""

    def __init__(self, emit) -> None:
        self.emit, self.b = emit, emit.b

    def constant(self, number):
        return ir.Constant(self.emit.vector, [ir.Constant(self.emit.element, float(number))] * self.emit.lanes)

    def add(self, first, second):
        return self.b.fadd(first, second)

    def subtract(self, first, second):
        return self.b.fsub(first, second)

    def more(self, first, factor, second):
        """``first + factor * second``."""
        return self.emit.multiply_add(self.constant(factor), second, first)

    def times(self, factor, value):
        return self.b.fmul(self.constant(factor), value)


def _tile_map(m, d):
    even, odd = m.more(d[4], -4, d[2]), m.more(d[3], -4, d[1])
    near, far = m.subtract(d[4], d[2]), m.subtract(d[3], d[1])
    return [
        m.more(m.more(d[4], -5, d[2]), 4, d[0]), m.add(even, odd), m.subtract(even, odd), m.more(near, 2, far),
        m.more(near, -2, far), m.more(m.more(d[5], -5, d[3]), 4, d[1]),
    ]  # fmt: skip


def _filter_map(m, g):
    ends, near = m.add(g[0], g[2]), m.more(m.times(1 / 24, g[0]), 1 / 6, g[2])
    ends, middle = m.times(-1 / 6, ends), g[1]
    return [
        m.times(1 / 4, g[0]), m.more(ends, -1 / 6, middle), m.more(ends, 1 / 6, middle), m.more(near, 1 / 12, middle),
        m.more(near, -1 / 12, middle), g[2],
    ]  # fmt: skip


def _sums_map(m, p):
    near, near_odd = m.add(p[1], p[2]), m.subtract(p[1], p[2])
    far, far_odd = m.add(p[3], p[4]), m.subtract(p[3], p[4])
    return [
        m.add(p[0], m.add(near, far)), m.more(near_odd, 2, far_odd), m.more(near, 4, far),
        m.add(m.more(near_odd, 8, far_odd), p[5]),
    ]  # fmt: skip


def _gradient_map(m, y):
    even, odd = m.add(y[0], y[2]), m.add(y[1], y[3])
    far, far_odd = m.more(y[0], 4, y[2]), m.more(m.times(2, y[1]), 8, y[3])
    return [y[0], m.add(even, odd), m.subtract(even, odd), m.add(far, far_odd), m.subtract(far, far_odd), y[3]]


def _filter_sums_map(m, p):
    near, near_odd = m.times(-1 / 6, m.add(p[1], p[2])), m.subtract(p[2], p[1])
    far, far_odd = m.add(p[3], p[4]), m.subtract(p[3], p[4])
    return [
        m.more(m.more(near, 1 / 4, p[0]), 1 / 24, far), m.more(m.times(1 / 6, near_odd), 1 / 12, far_odd),
        m.more(m.add(near, p[5]), 1 / 6, far),
    ]  # fmt: skip


def _square(maths, function, size, load):
    """The map of a square: ``size`` vectors a side, as rows of ``load(i, j)``."""
    columns = [function(maths, [load(i, j) for i in range(size)]) for j in range(size)]
    return [function(maths, [column[i] for column in columns]) for i in range(len(columns[0]))]


def _to_values(function, size):
    """A map of ``size x size`` vectors, whose rows are ``pitch`` apart, to 6x6 that are ``step`` apart."""

    @intrinsic
    def run(typing, source, s0, pitch, target, t0, step):
        signature = types.void(*_int64(source, s0, pitch, target, t0, step))

        def generate(context, builder, signature, arguments):
            source, s0, pitch, target, t0, step = arguments
            kinds = signature.args
            emit = Emitter(context, builder, context.get_data_type(kinds[0].dtype))
            source, target = emit.pointer(kinds[0], source, s0), emit.pointer(kinds[3], target, t0)

            def load(i, j):
                return emit.load(builder.gep(source, [builder.add(builder.mul(pitch, I64(i)), I64(j * emit.lanes))]))

            for i, row in enumerate(_square(_Maths(emit), function, size, load)):
                for j, value in enumerate(row):
                    emit.store(value, builder.gep(target, [builder.mul(step, I64(6 * i + j))]))
            return context.get_dummy_value()

        return signature, generate

    return run


def _to_sums(function, size):
    """A map of 6x6 vectors ``step`` apart to ``size x size``, whose rows are ``pitch`` apart.

    ``start`` is added; ``rows`` and ``columns`` say how many there is room for.
    """

    @intrinsic
    def run(typing, source, s0, step, start, n0, target, t0, pitch, rows, columns):
        signature = types.void(*_int64(source, s0, step, start, n0, target, t0, pitch, rows, columns))

        def generate(context, builder, signature, arguments):
            source, s0, step, start, n0, target, t0, pitch, rows, columns = arguments
            kinds = signature.args
            emit = Emitter(context, builder, context.get_data_type(kinds[0].dtype))
            source, target = emit.pointer(kinds[0], source, s0), emit.pointer(kinds[5], target, t0)
            initial = emit.load(emit.pointer(kinds[3], start, n0))

            def load(i, j):
                return emit.load(builder.gep(source, [builder.mul(step, I64(6 * i + j))]))

            found = _square(_Maths(emit), function, 6, load)
            for i in range(size):
                with builder.if_then(builder.icmp_signed("<", I64(i), rows)):
                    for j in range(size):
                        place = builder.gep(target, [builder.add(builder.mul(pitch, I64(i)), I64(j * emit.lanes))])
                        with builder.if_then(builder.icmp_signed("<", I64(j), columns)):
                            emit.store(builder.fadd(found[i][j], initial), place)
            return context.get_dummy_value()

        return signature, generate

    return run


TILE = np.array(
    [[4, 0, -5, 0, 1, 0], [0, -4, -4, 1, 1, 0], [0, 4, -4, -1, 1, 0], [0, -2, -1, 2, 1, 0], [0, 2, -1, -2, 1, 0],
     [0, 4, 0, -5, 0, 1]], np.float64,
)  # fmt: skip
FILTER = np.array(
    [[6, 0, 0], [-4, -4, -4], [-4, 4, -4], [1, 2, 4], [1, -2, 4], [0, 0, 24]], np.float64
) / 24  # fmt: skip
SUMS = np.array([[1, 1, 1, 1, 1, 0], [0, 1, -1, 2, -2, 0], [0, 1, 1, 4, 4, 0], [0, 1, -1, 8, -8, 1]], np.float64)


def _plain_to_values(matrix):
    size = matrix.shape[1]

    def run(source, s0, pitch, target, t0, step):
        """``matrix square matrix^T`` in every lane."""
        lanes = VECTOR_BYTES // source.itemsize
        rows = [source[s0 + i * pitch : s0 + i * pitch + size * lanes].reshape(size, lanes) for i in range(size)]
        values = np.einsum("ia,jb,abl->ijl", matrix, matrix, np.stack(rows))
        for number, value in enumerate(values.reshape(36, lanes)):
            target[t0 + number * step : t0 + number * step + lanes] = value

    return run


def _plain_to_sums(matrix):
    size = matrix.shape[0]

    def run(source, s0, step, start, n0, target, t0, pitch, rows, columns):
        """``start + matrix square matrix^T`` in every lane; the first ``rows`` and ``columns`` of it."""
        lanes = VECTOR_BYTES // source.itemsize
        square = np.stack([source[s0 + k * step : s0 + k * step + lanes] for k in range(36)]).reshape(6, 6, lanes)
        found = np.einsum("ia,jb,abl->ijl", matrix, matrix, square) + start[n0 : n0 + lanes]
        for i in range(min(size, rows)):
            wanted = found[i, : max(min(size, columns), 0)].reshape(-1)
            target[t0 + i * pitch : t0 + i * pitch + wanted.size] = wanted

    return run


if numba.config.DISABLE_JIT:
    tile_values, filter_values = _plain_to_values(TILE), _plain_to_values(FILTER)
    gradient_values = _plain_to_values(SUMS.T)
    tile_sums, filter_sums = _plain_to_sums(SUMS), _plain_to_sums(FILTER.T)
else:
    tile_values, filter_values = _to_values(_tile_map, 6), _to_values(_filter_map, 3)
    gradient_values = _to_values(_gradient_map, 4)
    tile_sums, filter_sums = _to_sums(_sums_map, 4), _to_sums(_filter_sums_map, 3)
