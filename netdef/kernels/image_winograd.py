"""Convolution of many images with 5x5 taps and stride 1 by Winograd's F(2x2, 5x5); `netdef.kernels.convolution` has
the names, `netdef.kernels.winograd` is the like for 3x3 taps.

An image is cut into tiles of 2x2 outputs. Tiles and filters are taken to 6x6 points (`netdef.kernels._transforms`),
where each point is a matrix product of its own:

    products[t, m, tile] = sum_c weight[t, m, c] pixels[t, c, tile]

That is 2.8 times fewer multiplications. A vector holds the same pixel of as many images as it has lanes, a *group*,
so that no tile is split over a vector: arrays of pixels are ``(channels, rows, columns, lane)``. A tile that reaches
over the edge meets zeros, and its outputs there are dropped.

``plan`` is (num, channels, height, width, num_output, pad_h, pad_w, pooled_height, pooled_width, tile_rows,
tile_columns, block), ``block`` the tiles that are multiplied at a time. Groups are dealt out to slots; every output
is computed by one slot, in an order that does not depend on their number.
"""

from __future__ import annotations

from netdef.kernels._emitter import TILE_ROWS, VECTOR_BYTES
from netdef.kernels._jit import kernel, prange
from netdef.kernels._transforms import (
    POINTS,
    SIZE,
    TAPS,
    add_from_points,
    from_taps,
    outputs_to_points,
    to_outputs,
    to_points,
    transpose_rows,
)
from netdef.kernels.blocks import multiply_block
from netdef.kernels.tiles import copy_rows

__all__ = ["POINTS", "backward_data", "forward", "gather", "points_of_block", "transform_weight"]


@kernel(parallel=True)
def transform_weight(weight, rooms, transformed):
    """``transformed[t, m, c]`` from ``weight[m, c, kh, kw]``; rooms : (slots, 25 lanes), working space.

    ``transformed`` has room for whole vectors: its points are the next multiple of the lanes apart.
    """
    lanes, square, slots = VECTOR_BYTES // weight.itemsize, TAPS * TAPS, rooms.shape[0]
    count = weight.size // square
    apart = transformed.size // (POINTS * POINTS)
    vectors = -(-count // lanes)
    zero = weight.dtype.type(0)
    for slot in prange(slots):
        room = rooms[slot]
        for vector in range(slot * vectors // slots, (slot + 1) * vectors // slots):
            first = vector * lanes
            transpose_rows(min(lanes, count - first), lanes, square, weight, first * square, square, room, 0, lanes)
            from_taps(room, 0, TAPS * lanes, lanes, zero, transformed, first, POINTS * apart, apart)


@kernel
def gather(source, start, images, image_size, channels, height, width, top, left, rows, columns, group):
    """``group[c, top + y, left + x, i] = source[start + i image_size + (c, y, x)]``, zero elsewhere."""
    lanes = VECTOR_BYTES // source.itemsize
    if images == lanes and rows == height and columns == width:
        transpose_rows(lanes, lanes, channels * height * width, source, start, image_size, group, 0, lanes)
        return
    size = channels * rows * columns * lanes
    copy_rows(1, group, 0, 0, 0, 0, size, group, 0, size)
    for c in range(channels):
        for y in range(height):
            transpose_rows(images, lanes, width, source, start + (c * height + y) * width, image_size, group,
                            ((c * rows + top + y) * columns + left) * lanes, lanes)  # fmt: skip


@kernel
def scatter(group, channels, rows, columns, top, left, images, image_size, height, width, target, start):
    """The reverse of `gather`."""
    lanes = VECTOR_BYTES // group.itemsize
    if rows == height and columns == width:
        size = channels * height * width
        transpose_rows(size, size, images, group, 0, lanes, target, start, image_size)
        return
    for c in range(channels):
        for y in range(height):
            transpose_rows(width, width, images, group, ((c * rows + top + y) * columns + left) * lanes, lanes,
                           target, start + (c * height + y) * width, image_size)  # fmt: skip


@kernel
def points_of_block(pixels, plan, begin, count, zero, points):
    """``points[t, c, tile, lane]`` of the tiles ``begin … begin + count - 1`` of a group."""
    channels, tile_rows, tile_columns = plan[1], plan[9], plan[10]
    lanes, size = VECTOR_BYTES // pixels.itemsize, SIZE
    rows, columns = tile_rows * size + TAPS - 1, tile_columns * size + TAPS - 1
    stride = plan[11] * lanes
    apart = channels * stride + lanes
    for c in range(channels):
        for tile in range(count):
            y, x = (begin + tile) // tile_columns * size, (begin + tile) % tile_columns * size
            to_points(pixels, ((c * rows + y) * columns + x) * lanes, columns * lanes, lanes, zero,
                      points, c * stride + tile * lanes, POINTS * apart, apart)  # fmt: skip


@kernel(parallel=True)
def forward(bottom, transformed, bias, plan, tables, zeros, pixels, points, products, outputs, top):
    """``top = bias + weight * bottom``.

    ``tables[i]`` are the multiples of num_output channels' distances: 0 of 1, 1 of channels, 2 of a block's columns.
    Working space of each slot: pixels (channels, rows, columns, lanes), points (36, channels, block lanes), products
    (36, num_output, block lanes), outputs (num_output, rows, columns, lanes). A vector lies between the points: at
    distances of powers of 2 they would drive each other out of the first-level cache.
    """
    num, slots = plan[0], pixels.shape[0]
    lanes = VECTOR_BYTES // bottom.itemsize
    groups = -(-num // lanes)
    for slot in prange(slots):
        for group in range(slot * groups // slots, (slot + 1) * groups // slots):
            _forward_group(bottom, transformed, bias, plan, tables, zeros, group * lanes, pixels[slot], points[slot],
                           products[slot], outputs[slot], top)  # fmt: skip


@kernel
def _forward_group(bottom, transformed, bias, plan, tables, zeros, first, pixels, points, products, outputs, top):
    (num, channels, height, width, num_output, pad_h, pad_w, pooled_height, pooled_width, tile_rows,
     tile_columns, block) = plan  # fmt: skip
    lanes = VECTOR_BYTES // bottom.itemsize
    images, size = min(lanes, num - first), SIZE
    rows, columns = tile_rows * size + TAPS - 1, tile_columns * size + TAPS - 1
    stride, tiles = block * lanes, tile_rows * tile_columns
    apart = transformed.size // (POINTS * POINTS)
    points_apart, products_apart = channels * stride + lanes, num_output * stride + lanes
    zero = zeros[0]
    gather(bottom, first * channels * height * width, images, channels * height * width, channels, height, width,
            pad_h, pad_w, rows, columns, pixels)  # fmt: skip
    for begin in range(0, tiles, block):
        count = min(block, tiles - begin)
        points_of_block(pixels, plan, begin, count, zero, points)
        for t in range(POINTS * POINTS):
            multiply_block(num_output, 0, -(-num_output // TILE_ROWS), count * lanes, channels,
                           transformed, t * apart, tables[1], tables[0], 0, points, t * points_apart, tables[2], 0,
                           zeros, 0, zeros, False, products, t * products_apart, tables[2])  # fmt: skip
        for m in range(num_output):
            for tile in range(count):
                y, x = (begin + tile) // tile_columns * size, (begin + tile) % tile_columns * size
                source = m * stride + tile * lanes
                target = ((m * tile_rows * size + y) * tile_columns * size + x) * lanes
                to_outputs(products, source, POINTS * products_apart, products_apart, bias[m],
                           outputs, target, tile_columns * size * lanes, lanes)  # fmt: skip
    image_size = num_output * pooled_height * pooled_width
    scatter(outputs, num_output, tile_rows * size, tile_columns * size, 0, 0, images, image_size, pooled_height,
             pooled_width, top, first * image_size)  # fmt: skip


@kernel(parallel=True)
def backward_data(top_diff, transformed, plan, tables, zeros, pixels, points, products, outputs, bottom_diff):
    """``bottom_diff``, by the transposes of all that `forward` does."""
    num, slots = plan[0], pixels.shape[0]
    lanes = VECTOR_BYTES // top_diff.itemsize
    groups = -(-num // lanes)
    for slot in prange(slots):
        for group in range(slot * groups // slots, (slot + 1) * groups // slots):
            _backward_group(top_diff, transformed, plan, tables, zeros, group * lanes, pixels[slot], points[slot],
                            products[slot], outputs[slot], bottom_diff)  # fmt: skip


@kernel
def _backward_group(top_diff, transformed, plan, tables, zeros, first, pixels, points, products, outputs, bottom_diff):
    (num, channels, height, width, num_output, pad_h, pad_w, pooled_height, pooled_width, tile_rows,
     tile_columns, block) = plan  # fmt: skip
    lanes = VECTOR_BYTES // top_diff.itemsize
    images, size = min(lanes, num - first), SIZE
    rows, columns = tile_rows * size + TAPS - 1, tile_columns * size + TAPS - 1
    stride, tiles = block * lanes, tile_rows * tile_columns
    apart = transformed.size // (POINTS * POINTS)
    points_apart, products_apart = channels * stride + lanes, num_output * stride + lanes
    zero = zeros[0]
    image_size = num_output * pooled_height * pooled_width
    gather(top_diff, first * image_size, images, image_size, num_output, pooled_height, pooled_width,
            0, 0, tile_rows * size, tile_columns * size, outputs)  # fmt: skip
    area = channels * rows * columns * lanes
    copy_rows(1, pixels, 0, 0, 0, 0, area, pixels, 0, area)
    for begin in range(0, tiles, block):
        count = min(block, tiles - begin)
        for m in range(num_output):
            for tile in range(count):
                y, x = (begin + tile) // tile_columns * size, (begin + tile) % tile_columns * size
                source = ((m * tile_rows * size + y) * tile_columns * size + x) * lanes
                target = m * stride + tile * lanes
                outputs_to_points(outputs, source, tile_columns * size * lanes, lanes, zero,
                                  products, target, POINTS * products_apart, products_apart)  # fmt: skip
        for t in range(POINTS * POINTS):
            multiply_block(channels, 0, -(-channels // TILE_ROWS), count * lanes, num_output,
                           transformed, t * apart, tables[0], tables[1], 0, products, t * products_apart,
                           tables[2], 0, zeros, 0, zeros, False, points, t * points_apart, tables[2])  # fmt: skip
        for c in range(channels):
            for tile in range(count):
                y, x = (begin + tile) // tile_columns * size, (begin + tile) % tile_columns * size
                add_from_points(points, c * stride + tile * lanes, POINTS * points_apart, points_apart, zero,
                                pixels, ((c * rows + y) * columns + x) * lanes, columns * lanes, lanes)  # fmt: skip
    scatter(pixels, channels, rows, columns, pad_h, pad_w, images, channels * height * width, height, width,
             bottom_diff, first * channels * height * width)  # fmt: skip
