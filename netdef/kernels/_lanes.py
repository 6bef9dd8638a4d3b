"""Several channels side by side in a vector, pixel after pixel; see `netdef.kernels.tiles` for why and how.

Rows of few pixels leave a vector half empty, and pixels that a stride leaves apart have to be picked out of it. With
a pixel's values in as many channels as a vector has lanes, `LANES` of them, neither matters.

    spread_planes    planes → vectors, each at a place from a table
    collect_planes   vectors side by side → planes
    window_row       one row of weighted sums over a window
    window_sums      what the taps of a window get from rows of gradients
    scale_pixels     vectors times one number each
"""

from __future__ import annotations

import numba
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from netdef.kernels._emitter import I32, I64, VECTOR_BYTES, Emitter
from netdef.kernels._pool_rows import _int64

__all__ = [
    "VECTOR_BYTES",
    "collect_planes",
    "scale_pixels",
    "spread_planes",
    "window_row",
    "window_sums",
]

TOGETHER = 7, 4, 2, 1  # pixels whose sums are kept in registers at a time: 7 divides 7, 14, 28, 56 and 112
SUMS = 9, 3, 1  # taps whose sums are


def _transposed(emit, vectors):
    """As many vectors as a vector has lanes, transposed: blocks off the diagonal change places, large ones first."""
    kind, block = ir.VectorType(I32, emit.lanes), emit.lanes // 2
    while block:
        low, high = [], []
        for lane in range(emit.lanes):
            inside, start = lane % (2 * block), lane - lane % (2 * block)
            low.append(lane if inside < block else emit.lanes + start + inside - block)
            high.append(start + block + inside if inside < block else emit.lanes + lane)
        for number in range(emit.lanes):
            if number % (2 * block) < block:
                pair = vectors[number], vectors[number + block]
                vectors[number] = emit.b.shuffle_vector(*pair, ir.Constant(kind, low))
                vectors[number + block] = emit.b.shuffle_vector(*pair, ir.Constant(kind, high))
        block //= 2
    return vectors


@intrinsic
def _spread_planes(typing, source, s0, plane_step, planes, count, places, p0, target, t0):
    signature = types.void(*_int64(source, s0, plane_step, planes, count, places, p0, target, t0))

    def generate(context, builder, signature, arguments):
        source, s0, plane_step, planes, count, places, p0, target, t0 = arguments
        kinds = signature.args
        emit = Emitter(context, builder, context.get_data_type(kinds[0].dtype))
        source, target = emit.pointer(kinds[0], source, s0), emit.pointer(kinds[7], target, t0)
        places = emit.pointer(kinds[5], places, p0)
        lanes, last = emit.lanes, builder.sub(planes, I64(1))
        heads = []
        for lane in range(lanes):  # lanes beyond the last plane repeat it
            number = builder.select(builder.icmp_signed("<", I64(lane), last), I64(lane), last)
            heads.append(builder.gep(source, [builder.mul(number, plane_step)]))

        def put(value, pixel):
            emit.store(value, builder.gep(target, [builder.load(builder.gep(places, [pixel]))]))

        def run(number, _):
            pixel = builder.mul(number, I64(lanes))
            vectors = [emit.load(builder.gep(head, [pixel])) for head in heads]
            for lane, value in enumerate(_transposed(emit, vectors)):
                put(value, builder.add(pixel, I64(lane)))
            return []

        def single(number, _):
            pixel = builder.add(whole, number)
            put(emit.gather(builder.gep(source, [pixel]), plane_step, emit.below(planes)), pixel)
            return []

        runs = builder.sdiv(count, I64(lanes))
        whole = builder.mul(runs, I64(lanes))
        emit.loop_if_any(runs, [], run)
        emit.loop_if_any(builder.sub(count, whole), [], single)
        return context.get_dummy_value()

    return signature, generate


@intrinsic
def _collect_planes(typing, source, s0, count, target, t0, plane_step, planes):
    signature = types.void(*_int64(source, s0, count, target, t0, plane_step, planes))

    def generate(context, builder, signature, arguments):
        source, s0, count, target, t0, plane_step, planes = arguments
        kinds = signature.args
        emit = Emitter(context, builder, context.get_data_type(kinds[0].dtype))
        source, target = emit.pointer(kinds[0], source, s0), emit.pointer(kinds[3], target, t0)
        lanes = emit.lanes

        def run(number, _):
            pixel = builder.mul(number, I64(lanes))
            start = builder.mul(pixel, I64(lanes))
            vectors = [emit.load(builder.gep(source, [builder.add(start, I64(i * lanes))])) for i in range(lanes)]
            head = builder.gep(target, [pixel])
            for lane, value in enumerate(_transposed(emit, vectors)):
                with builder.if_then(builder.icmp_signed("<", I64(lane), planes)):
                    emit.store(value, builder.gep(head, [builder.mul(plane_step, I64(lane))]))
            return []

        def single(number, _):
            pixel = builder.add(whole, number)
            value = emit.load(builder.gep(source, [builder.mul(pixel, I64(lanes))]))
            emit.scatter(value, builder.gep(target, [pixel]), plane_step, emit.below(planes))
            return []

        runs = builder.sdiv(count, I64(lanes))
        whole = builder.mul(runs, I64(lanes))
        emit.loop_if_any(runs, [], run)
        emit.loop_if_any(builder.sub(count, whole), [], single)
        return context.get_dummy_value()

    return signature, generate


@intrinsic
def _window_row(typing, source, s0, step, offsets, weights, k0, taps, weight, start, n0, target, t0, t_step, count):
    signature = types.void(
        *_int64(source, s0, step, offsets, weights, k0, taps, weight, start, n0, target, t0, t_step, count)
    )

    def generate(context, builder, signature, arguments):
        source, s0, step, offsets, weights, k0, taps, weight, start, n0, target, t0, t_step, count = arguments
        kinds = signature.args
        emit = Emitter(context, builder, context.get_data_type(kinds[0].dtype))
        source, target = emit.pointer(kinds[0], source, s0), emit.pointer(kinds[10], target, t0)
        offsets, weights = emit.pointer(kinds[3], offsets, k0), emit.pointer(kinds[4], weights, k0)
        weight = emit.pointer(kinds[7], weight)
        initial = emit.load(emit.pointer(kinds[8], start, n0))

        def pixels(first, together):
            head = builder.gep(source, [builder.mul(first, step)])

            def tap(k, held):
                factor = emit.load(builder.gep(weight, [builder.load(builder.gep(weights, [k]))]))
                place = builder.gep(head, [builder.load(builder.gep(offsets, [k]))])
                values = [emit.load(builder.gep(place, [builder.mul(step, I64(i))])) for i in range(together)]
                return [emit.multiply_add(value, factor, total) for value, total in zip(values, held)]

            totals = emit.loop_if_any(taps, [initial] * together, tap)
            at = builder.gep(target, [builder.mul(first, t_step)])
            for i, total in enumerate(totals):
                emit.store(total, builder.gep(at, [builder.mul(t_step, I64(i))]))
            return []

        done = I64(0)
        for together in TOGETHER:
            runs, begin = builder.sdiv(builder.sub(count, done), I64(together)), done

            def run(n, _, together=together, begin=begin):
                return pixels(builder.add(begin, builder.mul(n, I64(together))), together)

            emit.loop_if_any(runs, [], run)
            done = builder.add(done, builder.mul(runs, I64(together)))
        return context.get_dummy_value()

    return signature, generate


@intrinsic
def _window_sums(typing, source, s0, source_step, step, offsets, taps, diff, d0, diff_step, rows, count, sums):
    signature = types.void(
        *_int64(source, s0, source_step, step, offsets, taps, diff, d0, diff_step, rows, count, sums)
    )

    def generate(context, builder, signature, arguments):
        source, s0, source_step, step, offsets, taps, diff, d0, diff_step, rows, count, sums = arguments
        kinds = signature.args
        emit = Emitter(context, builder, context.get_data_type(kinds[0].dtype))
        source, diff = emit.pointer(kinds[0], source, s0), emit.pointer(kinds[6], diff, d0)
        offsets, sums = emit.pointer(kinds[4], offsets), emit.pointer(kinds[11], sums)

        def some(first, together):
            numbers = [builder.add(first, I64(i)) for i in range(together)]
            apart = [builder.load(builder.gep(offsets, [number])) for number in numbers]
            places = [builder.gep(sums, [builder.mul(number, I64(emit.lanes))]) for number in numbers]

            def row(r, held):
                head = builder.gep(source, [builder.mul(r, source_step)])
                diffs = builder.gep(diff, [builder.mul(r, diff_step)])

                def pixel(j, held):
                    factor = emit.load(builder.gep(diffs, [builder.mul(j, I64(emit.lanes))]))
                    at = builder.gep(head, [builder.mul(j, step)])
                    values = [emit.load(builder.gep(at, [offset])) for offset in apart]
                    return [emit.multiply_add(value, factor, total) for value, total in zip(values, held)]

                return emit.loop_if_any(count, held, pixel)

            found = emit.loop_if_any(rows, [emit.load(place) for place in places], row)
            for place, total in zip(places, found):
                emit.store(total, place)

        done = I64(0)
        for together in SUMS:
            runs = builder.sdiv(builder.sub(taps, done), I64(together))
            begin = done

            def run(n, _, together=together, begin=begin):
                some(builder.add(begin, builder.mul(n, I64(together))), together)
                return []

            emit.loop_if_any(runs, [], run)
            done = builder.add(done, builder.mul(runs, I64(together)))
        return context.get_dummy_value()

    return signature, generate


@intrinsic
def _scale_pixels(typing, target, t0, places, p0, factors, count):
    signature = types.void(*_int64(target, t0, places, p0, factors, count))

    def generate(context, builder, signature, arguments):
        target, t0, places, p0, factors, count = arguments
        kinds = signature.args
        emit = Emitter(context, builder, context.get_data_type(kinds[0].dtype))
        target, places = emit.pointer(kinds[0], target, t0), emit.pointer(kinds[2], places, p0)
        factors = emit.pointer(kinds[4], factors, p0)

        def pixel(p, _):
            place = builder.gep(target, [builder.load(builder.gep(places, [p]))])
            factor = emit.splat(builder.load(builder.gep(factors, [p])))
            emit.store(builder.fmul(emit.load(place), factor), place)
            return []

        emit.loop_if_any(count, [], pixel)
        return context.get_dummy_value()

    return signature, generate


def _lanes(array) -> int:
    return VECTOR_BYTES // array.itemsize


def _plain_spread_planes(source, s0, plane_step, planes, count, places, p0, target, t0):
    """``target[t0 + places[p0 + p] + l] = source[s0 + l plane_step + p]`` for ``p < count`` and ``l < planes``.

    The other lanes hold anything.
    """
    for p in range(count):
        for lane in range(planes):
            target[t0 + places[p0 + p] + lane] = source[s0 + lane * plane_step + p]


def _plain_collect_planes(source, s0, count, target, t0, plane_step, planes):
    """``target[t0 + l plane_step + p] = source[s0 + p LANES + l]`` for ``p < count`` and ``l < planes``."""
    for p in range(count):
        for lane in range(planes):
            target[t0 + lane * plane_step + p] = source[s0 + p * _lanes(source) + lane]


def _plain_window_row(source, s0, step, offsets, weights, k0, taps, weight, start, n0, target, t0, t_step, count):
    """``target[t0 + j t_step] = start[n0] + sum_k weight[weights[k]] source[s0 + j step + offsets[k]]``

    for ``j < count`` and ``k0 <= k < k0 + taps``; each stands for the ``LANES`` elements from there on.
    """
    lanes = _lanes(source)
    for j in range(count):
        total = start[n0 : n0 + lanes].copy()
        for k in range(k0, k0 + taps):
            first, factor = s0 + j * step + offsets[k], weights[k]
            total += weight[factor : factor + lanes] * source[first : first + lanes]
        target[t0 + j * t_step : t0 + j * t_step + lanes] = total


def _plain_window_sums(source, s0, source_step, step, offsets, taps, diff, d0, diff_step, rows, count, sums):
    """``sums[k LANES] += sum of diff[d0 + r diff_step + j LANES] source[s0 + r source_step + j step + offsets[k]]``

    over ``r < rows`` and ``j < count``, for ``k < taps``; each stands for the ``LANES`` elements from there on.
    """
    lanes = _lanes(source)
    for k in range(taps):
        for r in range(rows):
            for j in range(count):
                first, factor = s0 + r * source_step + j * step + offsets[k], d0 + r * diff_step + j * lanes
                sums[k * lanes : (k + 1) * lanes] += diff[factor : factor + lanes] * source[first : first + lanes]


def _plain_scale_pixels(target, t0, places, p0, factors, count):
    """``target[t0 + places[p] + l] *= factors[p]`` for ``p0 <= p < p0 + count`` and every lane ``l``."""
    for p in range(p0, p0 + count):
        target[t0 + places[p] : t0 + places[p] + _lanes(target)] *= factors[p]


if numba.config.DISABLE_JIT:
    collect_planes, scale_pixels, spread_planes = _plain_collect_planes, _plain_scale_pixels, _plain_spread_planes
    window_row, window_sums = _plain_window_row, _plain_window_sums
else:
    collect_planes, scale_pixels, spread_planes = _collect_planes, _scale_pixels, _spread_planes
    window_row, window_sums = _window_row, _window_sums
