"""Convolution with 3x3 taps and stride 1 by Winograd's F(4x4, 3x3): a quarter of the multiplications.

For each tile of 4x4 outputs and each of its 36 values ``v``:

    products[v, tile, o] = sum_i values[v, tile, i] filters[v, i, o]

where ``values`` come from the 6x6 pixels under the tile and ``filters`` from the weights, both by the linear maps of
`netdef.kernels._winograd_tiles`, which also make outputs of the products. The gradient of the image is the same with
the weights turned and their channels exchanged; that of the weights sums over the tiles:

    products[v, i, o] = sum_tile values[v, tile, i] gradients[v, tile, o]

Channels lie along the vectors. Work is dealt out in spans of rows of tiles, which may reach over several images.
In float32 results differ from plain sums by up to some 1e-5 of the largest. Arrays are flat and of one dtype.
"""

from __future__ import annotations

import numpy as np

from netdef.kernels._jit import kernel, prange
from netdef.kernels._lanes import VECTOR_BYTES, collect_planes, spread_planes
from netdef.kernels._winograd_tiles import filter_sums, filter_values, gradient_values, tile_sums, tile_values
from netdef.kernels.blocks import multiply_block
from netdef.kernels.finish import finish_row
from netdef.kernels.tiles import TILE_ROWS

__all__ = ["VALUES", "add_filter_gradient", "both_values", "convolve", "multiply_values", "transform_filters"]

VALUES = 36


@kernel(parallel=True)
def transform_filters(weight, ins, outs, in_step, out_step, order, slots, buffers, filters):
    """``filters``, ``(36, ins, outs up to whole vectors)``, the 36 parts ``filters.size // 36`` apart.

    The weight of taps ``k`` from channel ``i`` to channel ``o`` is ``weight[i in_step + o out_step + k]``; ``order``
    gives the place of each tap in a slot's buffer of 9 vectors.
    """
    lanes = VECTOR_BYTES // weight.itemsize
    blocks, part = -(-outs // lanes), filters.size // VALUES
    units = ins * blocks
    for slot in prange(slots):
        for unit in range(slot * units // slots, (slot + 1) * units // slots):
            i, o = unit // blocks, unit % blocks * lanes
            spread_planes(weight, i * in_step + o * out_step, out_step, min(lanes, outs - o), 9, order, 0,
                          buffers[slot], 0)  # fmt: skip
            filter_values(buffers[slot], 0, 3 * lanes, filters, i * blocks * lanes + o, part)


@kernel
def _spread_rows(source, plane, planes, size, pad, first, last, pitch, places, pack):
    """The rows ``first … last - 1`` of padded planes of ``size`` pixels, as vectors, with zeros around them."""
    height, width = size
    begin, end = min(max(first - pad, 0), height), max(min(last - pad, height), 0)
    for i in range((last - first) * pitch):
        pack[i] = 0
    spread_planes(source, plane * height * width + begin * width, height * width, planes,
                  max(end - begin, 0) * width, places, begin * width, pack, -first * pitch)  # fmt: skip


@kernel
def _span_values(source, channels, size, pad, margin, span, origin, grid, pitch, places, pack, values):
    """The values of the rows of tiles ``span[0] … span[1] - 1``, counted over all images; row ``origin`` comes first.

    They are those of 6x6 pixels where ``margin`` is 2, of 4x4 gradients where it is 0.
    """
    lanes = VECTOR_BYTES // source.itemsize
    blocks, part = -(-channels // lanes), values.size // VALUES
    for block in range(blocks):
        row = span[0]
        while row < span[1]:
            image, first = row // grid[0], row % grid[0]
            rows = min(span[1] - row, grid[0] - first)
            _spread_rows(source, image * channels + block * lanes, min(lanes, channels - block * lanes), size, pad,
                         4 * first, 4 * (first + rows) + margin, pitch, places, pack)  # fmt: skip
            for tile in range(rows * grid[1]):
                place = tile // grid[1] * 4 * pitch + tile % grid[1] * 4 * lanes
                number = ((row - origin) * grid[1] + tile) * blocks + block
                if margin:
                    tile_values(pack, place, pitch, values, number * lanes, part)
                else:
                    gradient_values(pack, place, pitch, values, number * lanes, part)
            row += rows


@kernel(parallel=True)
def convolve(source, filters, bias, channels, size, pad, outs, pooled, grid, span_rows, pitch, places, value_rows,
             single, filter_rows, product_rows, zeros, finish, packs, values, products, lines, terms,
             target):  # fmt: skip
    """``target``, ``(num, outs, *pooled)``, from ``source``, ``(num, channels, *size)``, and ``filters``.

    ``grid``: (rows, columns) of tiles of an image; ``pitch``: elements of a row of a padded image of vectors, in which
    ``places`` are the pixels; ``value_rows``, ``filter_rows``, ``product_rows``: the distances of tiles, of channels
    and of tiles in the matrices, ``single`` the numbers from 0 on; ``bias`` is empty where there is none; ``finish`` is
    applied as `netdef.kernels.finish` says. The working space has a row for each slot.
    """
    slots, lanes = packs.shape[0], VECTOR_BYTES // source.itemsize
    num = source.size // (channels * size[0] * size[1])
    rows, blocks, area = num * grid[0], -(-outs // lanes), pooled[0] * pooled[1]
    units = -(-rows // span_rows)
    for slot in prange(slots):
        pack, found, made, line, term = packs[slot], values[slot], products[slot], lines[slot], terms[slot]
        for o in range(term.size):
            term[o] = bias[o] if o < bias.size else 0
        for unit in range(slot * units // slots, (slot + 1) * units // slots):
            span = np.int64(unit * rows // units), np.int64((unit + 1) * rows // units)
            _span_values(source, channels, size, pad, 2, span, span[0], grid, pitch, places, pack, found)
            count = (span[1] - span[0]) * grid[1]
            for v in range(VALUES):
                multiply_block(count, 0, -(-count // TILE_ROWS), blocks * lanes, channels,
                               found, v * (found.size // VALUES), value_rows, single, 0,
                               filters, v * (filters.size // VALUES), filter_rows, 0, zeros, 0, zeros, False,
                               made, v * (made.size // VALUES), product_rows)  # fmt: skip
            for block in range(blocks):
                row = span[0]
                while row < span[1]:
                    image, first = row // grid[0], row % grid[0]
                    some = min(span[1] - row, grid[0] - first)
                    for tile in range(some * grid[1]):
                        down, right = tile // grid[1] * 4, tile % grid[1] * 4
                        number = (row - span[0]) * grid[1] + tile
                        tile_sums(made, (number * blocks + block) * lanes, made.size // VALUES, term, block * lanes,
                                  line, (down * pooled[1] + right) * lanes, pooled[1] * lanes,
                                  pooled[0] - 4 * first - down, pooled[1] - right)  # fmt: skip
                    count_rows = min(4 * some, pooled[0] - 4 * first)
                    place = (image * outs + block * lanes) * area + 4 * first * pooled[1]
                    planes = min(lanes, outs - block * lanes)
                    collect_planes(line, 0, count_rows * pooled[1], target, place, area, planes)
                    for lane in range(planes if finish.shape[0] else 0):
                        finish_row(finish, block * lanes + lane, target, place + lane * area, count_rows * pooled[1])
                    row += some


@kernel(parallel=True)
def both_values(source, top_diff, channels, outs, size, pad, pooled, grid, first, last, span_rows, pitches, places,
                pixels, packs, values, gradients):  # fmt: skip
    """``values`` of ``source`` and ``gradients`` of ``top_diff`` for the rows of tiles ``first … last - 1``.

    ``pitches``, ``places`` and ``pixels`` belong to the padded images of the two; a slot has one pack for both.
    """
    slots, units = packs.shape[0], -(-(last - first) // span_rows)
    for slot in prange(slots):
        for unit in range(slot * units // slots, (slot + 1) * units // slots):
            begin = np.int64(first + unit * span_rows)
            span = begin, min(begin + span_rows, last)
            _span_values(source, channels, size, pad, 2, span, first, grid, pitches[0], places, packs[slot], values)
            _span_values(top_diff, outs, pooled, 0, 0, span, first, grid, pitches[1], pixels, packs[slot], gradients)


@kernel(parallel=True)
def multiply_values(tiles, channels, width, values, value_rows, value_steps, gradients, gradient_rows, zeros, add,
                    slots, products, product_rows):  # fmt: skip
    """``products[v, i, o] = sum_tile values[v, tile, i] gradients[v, tile, o]``, added to what is there if ``add``."""
    blocks = -(-channels // TILE_ROWS)
    units = VALUES * blocks
    for slot in prange(slots):
        begin, end = slot * units // slots, (slot + 1) * units // slots
        for v in range(begin // blocks, -(-end // blocks)):
            multiply_block(channels, max(begin - v * blocks, 0), min(end - v * blocks, blocks), width, tiles,
                           values, v * (values.size // VALUES), value_rows, value_steps, 0,
                           gradients, v * (gradients.size // VALUES), gradient_rows, 0, zeros, 0, zeros, add,
                           products, v * (products.size // VALUES), product_rows)  # fmt: skip


@kernel(parallel=True)
def add_filter_gradient(products, channels, outs, zeros, slots, buffers, weight_diff):
    """Add what the ``products`` make to ``weight_diff``, ``(outs, channels, 3, 3)``."""
    lanes = VECTOR_BYTES // products.itemsize
    blocks = -(-outs // lanes)
    units = channels * blocks
    for slot in prange(slots):
        taps = buffers[slot]
        for unit in range(slot * units // slots, (slot + 1) * units // slots):
            i, o = unit // blocks, unit % blocks * lanes
            filter_sums(products, (i * blocks + unit % blocks) * lanes, products.size // VALUES, zeros, 0, taps, 0,
                        3 * lanes, 3, 3)  # fmt: skip
            for lane in range(min(lanes, outs - o)):
                place = ((o + lane) * channels + i) * 9
                for tap in range(9):
                    weight_diff[place + tap] += taps[tap * lanes + lane]
