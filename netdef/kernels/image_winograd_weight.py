"""Gradients of weight and bias by Winograd's algorithm; `netdef.kernels.image_winograd` has the names.

At each point the gradient of the weights is a matrix product of its own, summed over tiles and images:

    weight_points[t, c, m] = sum_{tile, image} pixels[t, c, tile, image] top_diff[t, tile, image, m]

The pixels come with one image per lane, the gradients of the top with one filter per lane. Chunks of the batch,
whole groups whose number depends on the batch alone, are summed apart and then added in their order.
"""

from __future__ import annotations

from netdef.kernels._emitter import TILE_ROWS, VECTOR_BYTES
from netdef.kernels._jit import kernel, prange
from netdef.kernels._transforms import (
    POINTS,
    SIZE,
    TAPS,
    outputs_to_points,
    to_taps,
    transpose_rows,
)
from netdef.kernels.blocks import multiply_block
from netdef.kernels.image_winograd import gather, points_of_block

__all__ = ["add_chunks", "weight_points"]


@kernel(parallel=True)
def weight_points(bottom, top_diff, plan, tables, still, ones, zeros, pixels, points, lines, line_points, partial):
    """``partial[chunk]``: ``(t, c, m)`` and then the sums for the bias, ``(m,)``; rows of filters are whole vectors.

    ``tables`` are the multiples of 1, of a block's columns and of a row of filters, ``still`` the numbers 0, ``ones``
    holds a 1. Working space of each slot: pixels and points as in `netdef.kernels.image_winograd.forward`, lines
    (lanes, tile rows, tile columns, filters) and line_points (36, block lanes, filters), a vector between points.
    """
    lanes = VECTOR_BYTES // bottom.itemsize
    slots, chunks = pixels.shape[0], partial.shape[0]
    groups = -(-plan[0] // lanes)
    for slot in prange(slots):
        for chunk in range(slot * chunks // slots, (slot + 1) * chunks // slots):
            begin, end = chunk * groups // chunks, (chunk + 1) * groups // chunks
            for group in range(begin, end):
                _group_points(bottom, top_diff, plan, tables, still, ones, zeros, group * lanes, group > begin,
                              pixels[slot], points[slot], lines[slot], line_points[slot], partial[chunk])  # fmt: skip


@kernel
def _group_points(bottom, top_diff, plan, tables, still, ones, zeros, first, add, pixels, points, lines, line_points,
                  partial):  # fmt: skip
    (num, channels, height, width, num_output, pad_h, pad_w, pooled_height, pooled_width, tile_rows,
     tile_columns, block) = plan  # fmt: skip
    lanes = VECTOR_BYTES // bottom.itemsize
    images, size = min(lanes, num - first), SIZE
    rows, columns = tile_rows * size, tile_columns * size
    wide, stride, tiles = tables[2][1], block * lanes, tile_rows * tile_columns
    apart, points_apart = stride * wide + lanes, channels * stride + lanes
    zero = zeros[0]
    gather(bottom, first * channels * height * width, images, channels * height * width, channels, height, width,
           pad_h, pad_w, rows + TAPS - 1, columns + TAPS - 1, pixels)  # fmt: skip
    _turn(top_diff, first, images, num_output, pooled_height, pooled_width, rows, columns, wide, lines)
    for image in range(lanes):
        multiply_block(1, 0, 1, wide, rows * columns, ones, 0, still, still, 0, lines, image * rows * columns * wide,
                       tables[2], 0, zeros, 0, zeros, add or image > 0, partial,
                       POINTS * POINTS * channels * wide, still)  # fmt: skip
    for begin in range(0, tiles, block):
        count = min(block, tiles - begin)
        points_of_block(pixels, plan, begin, count, zero, points)
        for tile in range(count):
            y, x = (begin + tile) // tile_columns * size, (begin + tile) % tile_columns * size
            for image in range(lanes):
                for m in range(0, wide, lanes):
                    source = ((image * rows + y) * columns + x) * wide + m
                    target = (tile * lanes + image) * wide + m
                    outputs_to_points(lines, source, columns * wide, wide, zero,
                                      line_points, target, POINTS * apart, apart)  # fmt: skip
        for t in range(POINTS * POINTS):
            multiply_block(channels, 0, -(-channels // TILE_ROWS), wide, count * lanes, points, t * points_apart,
                           tables[1], tables[0], 0, line_points, t * apart, tables[2], 0,
                           zeros, 0, zeros, add or begin > 0, partial, t * channels * wide, tables[2])  # fmt: skip


@kernel
def _turn(top_diff, first, images, num_output, pooled_height, pooled_width, rows, columns, wide, lines):
    """``lines[image, y, x, m]`` from ``top_diff``, zero where there is no image, pixel or filter."""
    lanes = VECTOR_BYTES // top_diff.itemsize
    places, area = pooled_height * pooled_width, rows * columns * wide
    if images < lanes or area != places * wide:
        for i in range(lanes * area):
            lines[i] = 0
    for image in range(images):
        source = (first + image) * num_output * places
        if area == places * wide:
            transpose_rows(num_output, wide, places, top_diff, source, places, lines, image * area, wide)
            continue
        for y in range(pooled_height):
            transpose_rows(num_output, wide, pooled_width, top_diff, source + y * pooled_width, places,
                           lines, image * area + y * columns * wide, wide)  # fmt: skip


@kernel(parallel=True)
def add_chunks(partial, channels, num_output, wide, rooms, weight_diff, bias_diff):
    """``weight_diff[m, c, kh, kw]`` and ``bias_diff[m]`` += the sums of `weight_points`, at first into chunk 0.

    rooms : (slots, 2 * 25 lanes), working space. A ``bias_diff`` without elements is left alone.
    """
    chunks, slots, square = partial.shape[0], rooms.shape[0], TAPS * TAPS
    lanes = VECTOR_BYTES // partial.itemsize
    zero = partial.dtype.type(0)
    for slot in prange(slots):
        room = rooms[slot]
        first, last = slot * channels // slots, (slot + 1) * channels // slots
        for t in range(POINTS * POINTS):
            begin, end = (t * channels + first) * wide, (t * channels + last) * wide
            total = partial[0, begin:end]
            for chunk in range(1, chunks - 1, 2):  # two at a time: they come from other cores' caches
                part, other = partial[chunk, begin:end], partial[chunk + 1, begin:end]
                for i in range(total.size):
                    total[i] = total[i] + part[i] + other[i]
            if chunks % 2 == 0:
                part = partial[chunks - 1, begin:end]
                for i in range(total.size):
                    total[i] += part[i]
        for c in range(first, last):
            for m in range(0, num_output, lanes):
                source = c * wide + m
                to_taps(partial[0], source, POINTS * channels * wide, channels * wide, zero,
                        room, 0, TAPS * lanes, lanes)  # fmt: skip
                transpose_rows(square, square, lanes, room, 0, lanes, room, square * lanes, square)
                for lane in range(min(lanes, num_output - m)):
                    target, source = ((m + lane) * channels + c) * square, (lanes + lane) * square
                    for k in range(square):
                        weight_diff[target + k] += room[source + k]
    for chunk in range(chunks):
        for m in range(bias_diff.size):
            bias_diff[m] += partial[chunk, POINTS * POINTS * channels * wide + m]
