"""Windows of 3x3 taps in vector registers; see `netdef.kernels.tiles` for why and how.

    block_rows    columns of weighted sums over the window
    block_sums    what the nine taps get from columns of gradients

Columns as many as a vector has lanes are taken downwards: what a row of pixels holds is read once for each column of
taps and stays in registers for the rows that follow. Outside of the plane there are zeros.
"""

from __future__ import annotations

import numba
from numba import types
from numba.extending import intrinsic

from netdef.kernels._emitter import I64, VECTOR_BYTES, Emitter
from netdef.kernels._pool_rows import _int64
from netdef.kernels._strided_rows import store_first
from netdef.kernels._tap_rows import _row_part

__all__ = ["block_rows", "block_sums"]

TAPS = range(3)


class _Plane:
    """The rows of a plane as the taps of a block of columns meet them."""

    def __init__(self, emit, source, height, width, row, column, stride, wanted) -> None:
        self.emit, self.b = emit, emit.b
        self.source, self.height, self.width, self.row, self.column = source, height, width, row, column
        self.stride, self.wanted = stride, wanted

    def parts(self, number):
        """A vector for each column of taps: row ``row + number``."""
        at = self.b.add(self.row, number)
        inside = self.b.icmp_unsigned("<", at, self.height)
        # a row outside of the plane is one without columns
        width = self.b.select(inside, self.width, I64(0))
        line = self.b.gep(self.source, [self.b.mul(at, self.width)])
        found = self._two(line, width) if self.stride == 2 else []
        for tap in TAPS[len(found) :]:
            found.append(
                _row_part(self.emit, line, self.b.add(self.column, I64(tap)), width, I64(self.stride), self.stride)
            )
        if self.wanted is None:
            return found
        return [self.b.select(self.wanted, value, self.emit.zero) for value in found]

    def _two(self, line, width):
        """What the first two columns of taps meet with stride 2: every pixel is in one of them."""
        place, lanes = self.b.gep(line, [self.column]), I64(self.emit.lanes)
        low = self.emit.load(place, self.emit.within(self.column, width))
        second = self.emit.within(self.b.add(self.column, lanes), width)
        return self.emit.even_and_odd(low, self.emit.load(self.b.gep(place, [lanes]), second))

    def window(self, number, kept):
        """The window of row ``number`` of the results: what was ``kept`` and the rows that are new to it."""
        first = self.b.mul(number, I64(self.stride))
        new = [self.parts(self.b.add(first, I64(number))) for number in range(3 - self.stride, 3)]
        return [*kept, *(part for parts in new for part in parts)]

    def begin(self):
        """What the first window needs before its new rows."""
        return [part for number in range(3 - self.stride) for part in self.parts(I64(number))]

    def kept(self, window):
        """What of a window the next one needs."""
        return window[3 * self.stride :]


def _by_stride(builder, stride, body) -> None:
    with builder.if_else(builder.icmp_signed("==", stride, I64(1))) as (one, two):
        with one:
            body(1)
        with two:
            body(2)


@intrinsic
def _block_rows(typing, source, s0, height, width, row, column, stride, weight, w0, w_step, start, n0, target, t0,
                rows, count):  # fmt: skip
    signature = types.void(
        *_int64(source, s0, height, width, row, column, stride, weight, w0, w_step, start, n0, target, t0, rows, count)
    )

    def generate(context, builder, signature, arguments):
        (source, s0, height, width, row, column, stride, weight, w0, w_step, start, n0, target, t0, rows,
         count) = arguments  # fmt: skip
        kinds = signature.args
        emit = Emitter(context, builder, context.get_data_type(kinds[0].dtype))
        source, weight = emit.pointer(kinds[0], source, s0), emit.pointer(kinds[7], weight, w0)
        target = emit.pointer(kinds[12], target, t0)
        initial = emit.splat(builder.load(emit.pointer(kinds[10], start, n0)))
        factors = [emit.splat(builder.load(builder.gep(weight, [builder.mul(w_step, I64(k))]))) for k in range(9)]

        def columns(variant):
            def block(j, _):
                left = builder.add(builder.mul(j, I64(variant)), column)
                plane = _Plane(emit, source, height, width, row, left, variant, None)

                def one_row(r, kept):
                    window = plane.window(r, kept)
                    total = initial
                    for value, factor in zip(window, factors):
                        total = emit.multiply_add(value, factor, total)
                    place = builder.gep(target, [builder.add(builder.mul(r, count), j)])
                    store_first(emit, total, place, builder.sub(count, j))
                    return plane.kept(window)

                emit.loop_if_any(rows, plane.begin(), one_row)
                return []

            emit.loop_if_any(count, [], block, emit.lanes)

        _by_stride(builder, stride, columns)
        return context.get_dummy_value()

    return signature, generate


@intrinsic
def _block_sums(typing, source, s0, height, width, row, column, stride, diff, d0, rows, count, sums):
    signature = types.void(*_int64(source, s0, height, width, row, column, stride, diff, d0, rows, count, sums))

    def generate(context, builder, signature, arguments):
        source, s0, height, width, row, column, stride, diff, d0, rows, count, sums = arguments
        kinds = signature.args
        emit = Emitter(context, builder, context.get_data_type(kinds[0].dtype))
        source, diff = emit.pointer(kinds[0], source, s0), emit.pointer(kinds[7], diff, d0)
        sums = emit.pointer(kinds[11], sums)
        places = [builder.gep(sums, [I64(k * emit.lanes)]) for k in range(9)]

        def columns(variant):
            def block(j, totals):
                wanted = emit.below(builder.sub(count, j))
                left = builder.add(builder.mul(j, I64(variant)), column)
                plane = _Plane(emit, source, height, width, row, left, variant, wanted)

                def one_row(r, state):
                    window = plane.window(r, state[9:])
                    factor = emit.load(builder.gep(diff, [builder.add(builder.mul(r, count), j)]), wanted)
                    found = [emit.multiply_add(value, factor, total) for value, total in zip(window, state)]
                    return [*found, *plane.kept(window)]

                return emit.loop_if_any(rows, [*totals, *plane.begin()], one_row)[:9]

            totals = emit.loop_if_any(count, [emit.load(place) for place in places], block, emit.lanes)
            for place, total in zip(places, totals):
                emit.store(total, place)

        _by_stride(builder, stride, columns)
        return context.get_dummy_value()

    return signature, generate


def _pixel(source, s0, height, width, row, column):
    inside = 0 <= row < height and 0 <= column < width
    return source[s0 + row * width + column] if inside else source.dtype.type(0)


def _plain_block_rows(source, s0, height, width, row, column, stride, weight, w0, w_step, start, n0, target, t0,
                      rows, count):  # fmt: skip
    """``target[t0 + r count + j] = start[n0] + sum of weight[w0 + (3 kh + kw) w_step] pixel(row, column)``.

    The pixel is that of the plane ``source[s0 + …]`` in row ``row + r stride + kh`` and column ``column + j stride +
    kw``, 0 outside of it; ``r < rows``, ``j < count``; the stride is 1 or 2.
    """
    for r in range(rows):
        for j in range(count):
            total = start[n0]
            for k in range(9):
                at = row + r * stride + k // 3, column + j * stride + k % 3
                total += weight[w0 + k * w_step] * _pixel(source, s0, height, width, *at)
            target[t0 + r * count + j] = total


def _plain_block_sums(source, s0, height, width, row, column, stride, diff, d0, rows, count, sums):
    """Add ``sum of diff[d0 + r count + j] pixel`` to each tap's partial sums; the pixel is that of `block_rows`.

    They are ``lanes = VECTOR_BYTES // itemsize`` numbers from ``sums[tap lanes]`` on, which add up to the tap's sum.
    """
    lanes = VECTOR_BYTES // sums.itemsize
    for k in range(9):
        for r in range(rows):
            for j in range(count):
                at = row + r * stride + k // 3, column + j * stride + k % 3
                product = diff[d0 + r * count + j] * _pixel(source, s0, height, width, *at)
                sums[k * lanes + j % lanes] += product


if numba.config.DISABLE_JIT:
    block_rows, block_sums = _plain_block_rows, _plain_block_sums
else:
    block_rows, block_sums = _block_rows, _block_sums
