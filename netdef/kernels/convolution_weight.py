"""Gradients of a convolution's weight and bias; `netdef.kernels.convolution` has the names and the forward pass.

    weight_diff[m, k] += sum_{image, p} top_diff[image, m, p] col[image, k, p]
    bias_diff[m]      += sum_{image, p} top_diff[image, m, p]

Many filters and few weights: `chunked_gradient` sums ``(k, m)``, with ``m`` along the vectors, out of the images
themselves and transposed gradients; as with few filters, below, chunks of the batch are summed apart. Many filters
and weights: `transposed_gradient` sums ``(k, m)``, with ``m`` along the vectors, out of packed images and
transposed gradients; slots share the ``k`` among them. Few filters: `dot_gradient` takes dot products along
``p``; the images are cut into chunks whose number depends on the batch alone, each chunk is summed by one slot
and the chunks are added in their order. Either way the result does not depend on the number of slots.
"""

from __future__ import annotations

from netdef.kernels._jit import kernel, prange
from netdef.kernels._lanes import VECTOR_BYTES, spread_planes
from netdef.kernels._transforms import transpose_rows
from netdef.kernels.blocks import dot_tile, multiply_block
from netdef.kernels.im2col import pack_image
from netdef.kernels.pool_planes import spread_pairs
from netdef.kernels.tiles import DOT_COLUMNS, DOT_ROWS, TILE_ROWS, copy_rows, sum_row

__all__ = [
    "DEPTH",
    "add_bias_chunks",
    "add_chunks",
    "add_transposed",
    "bias_gradient",
    "chunked_gradient",
    "dot_gradient",
    "transposed_gradient",
]

DEPTH = 128  # pixels: a tile's operands over so many stay in the first-level cache
_RUN = 1024  # pixels of a dot product before its lanes are summed


@kernel
def _pack_whole(bottom, image, sizes, geometry, layout_rows, pack):
    _, _, channels, height, width, _ = sizes
    image_rows = (geometry[8] - 1) * geometry[2] + (geometry[0] - 1) * geometry[6] + 1
    pack_image(bottom, image * channels * height * width, channels, height, width, geometry, -geometry[4],
               image_rows, layout_rows, pack)  # fmt: skip


@kernel
def _transpose(top_diff, image, sizes, places, pixel_rows, rows):
    """``rows[g, p, m] = top_diff[image, g, m, p]``: whole vectors of filters, else a few lines of pixels at a time."""
    group, num_output, lanes = sizes[1], sizes[5], VECTOR_BYTES // rows.itemsize
    filters = num_output // group
    for g in range(group):
        source, target = (image * num_output + g * filters) * places, g * filters * places
        if filters % lanes == 0:
            for m in range(0, filters, lanes):
                spread_planes(top_diff, source + m * places, places, lanes, places, pixel_rows, 0, rows, target + m)
            continue
        for first in range(0, places, 16):
            for p in range(first, min(first + 16, places)):
                for m in range(filters):
                    rows[target + p * filters + m] = top_diff[source + m * places + p]


@kernel(parallel=True)
def transposed_gradient(bottom, top_diff, sizes, geometry, direct, layout_rows, first, last, dots, steps, single,
                        pixel_rows, weight_columns, zeros, slots, packs, rows, transposed, weight_diff):  # fmt: skip
    """Sum over the images ``first … last - 1`` into ``transposed``, flat ``(group, k, m)``; begun anew at image 0.

    ``packs[i]`` and ``rows[i]`` hold image ``first + i`` packed and its gradient transposed. ``steps`` are the
    `pack_steps` of whole images, ``pixel_rows`` the distances of the rows of ``rows``, ``weight_columns`` those
    of ``transposed``. The last ``dots`` filters of each group are left to dot products, added to
    ``weight_diff`` at once: they would fill only a corner of a vector.
    """
    images = last - first
    places = geometry[8] * geometry[9]
    for slot in prange(slots):
        for image in range(slot * images // slots, (slot + 1) * images // slots):
            if not direct:
                _pack_whole(bottom, first + image, sizes, geometry, layout_rows, packs[image])
            _transpose(top_diff, first + image, sizes, places, pixel_rows, rows[image])
    stride = sizes[2] * sizes[3] * sizes[4] if direct else packs.shape[1]
    start = first * stride if direct else 0
    col = bottom if direct else packs.reshape(-1)
    lines = rows.reshape(-1)
    tiles = -(-steps.size // TILE_ROWS)
    units = sizes[1] * tiles
    for slot in prange(slots):
        begin, end = slot * units // slots, (slot + 1) * units // slots
        for g in range(begin // tiles, -(-end // tiles)):
            from_tile, to_tile = max(begin - g * tiles, 0), min(end - g * tiles, tiles)
            _transposed_share(col, start, stride, lines, sizes, places, g, from_tile, to_tile, first, last, dots, steps,
                              single, pixel_rows, weight_columns, zeros, transposed)  # fmt: skip
            if dots:
                k, k_end = from_tile * steps.size // tiles, to_tile * steps.size // tiles
                filters = sizes[5] // sizes[1]
                _dot_block(top_diff, col, start + g * (stride // sizes[1]), stride, sizes, places, first, last, first,
                           (g + 1) * filters - dots, dots, k, k_end, steps, zeros, True, weight_diff, 0)  # fmt: skip


@kernel
def _transposed_share(col, start, stride, lines, sizes, places, g, from_tile, to_tile, first, last, dots, steps,
                      single, pixel_rows, weight_columns, zeros, transposed):  # fmt: skip
    """Row tiles ``from_tile … to_tile - 1`` of one group, image after image."""
    group, filters = sizes[1], sizes[5] // sizes[1]
    depth = steps.size
    for image in range(first, last):
        a0 = start + (image - first) * stride + g * (stride // group)
        b0 = ((image - first) * group + g) * places * filters
        for p in range(0, places, DEPTH):
            multiply_block(depth, from_tile, to_tile, filters - dots, min(DEPTH, places - p), col, a0 + p, steps,
                           single, 0, lines, b0, pixel_rows, p, zeros, 0, zeros, image > 0 or p > 0, transposed,
                           g * depth * filters, weight_columns)  # fmt: skip


@kernel
def _pad_image(bottom, image, sizes, geometry, padded):
    """One image with its padding around it."""
    _, _, channels, height, width, _ = sizes
    pad_h, pad_w = geometry[4], geometry[5]
    wide = width + 2 * pad_w
    for channel in range(channels):
        source, target = (image * channels + channel) * height * width, channel * (height + 2 * pad_h) * wide
        copy_rows(1, bottom, 0, 0, 0, 0, pad_h * wide, padded, target, pad_h * wide)
        copy_rows(1, bottom, 0, 0, 0, 0, pad_h * wide, padded, target + (pad_h + height) * wide, pad_h * wide)
        copy_rows(height, bottom, source, width, -pad_w, width, wide, padded, target + pad_h * wide, wide)


@kernel(parallel=True)
def chunked_gradient(bottom, top_diff, sizes, geometry, chunks, together, taps, pixels, line_rows, partial_rows, ones,
                     still, zeros, padded, lines, partial):  # fmt: skip
    """``partial[chunk]``, flat ``(group, k, m)`` and then ``(group, m)``: a chunk's sums, those of the bias last.

    ``taps`` and ``pixels`` are the distances of an image's taps and output pixels, padding counted; the pixels of
    ``together`` images are summed in one go. ``padded[slot]`` holds so many images where there is padding,
    ``lines[slot]`` their transposed gradients, ``line_rows[p]`` the place of pixel p's; rows of ``lines`` and
    ``partial`` (distances ``partial_rows``) are whole vectors. ``ones`` holds a 1, ``still`` the numbers 0.
    """
    num, group, channels, height, width, num_output = sizes
    slots, places = lines.shape[0], geometry[8] * geometry[9]
    pads = geometry[4] + geometry[5] > 0
    filters, depth = num_output // group, taps.size
    image_size = channels * (height + 2 * geometry[4]) * (width + 2 * geometry[5])
    tiles, width_of_line = -(-depth // TILE_ROWS), partial_rows[1]
    for slot in prange(slots):
        line = lines[slot]
        for chunk in range(slot * chunks // slots, (slot + 1) * chunks // slots):
            begin, end = chunk * num // chunks, (chunk + 1) * num // chunks
            for first in range(begin, end, together):
                images = min(together, end - first)
                if pads:
                    for i in range(images):
                        _pad_image(bottom, first + i, sizes, geometry, padded[slot, i])
                source = padded[slot].reshape(-1) if pads else bottom
                origin = 0 if pads else first * image_size
                step = images * places if together > 1 else DEPTH
                for g in range(group):
                    for p in range(0, images * places, step):
                        count = min(step, images * places - p)
                        for i in range(images):
                            transpose_rows(filters, width_of_line, count // images, top_diff,
                                           ((first + i) * num_output + g * filters) * places + p, places,
                                           line, i * places * width_of_line, width_of_line)  # fmt: skip
                        add = first > begin or p > 0
                        multiply_block(depth, 0, tiles, filters, count, source, origin + g * (image_size // group),
                                       taps, pixels, p, line, 0, line_rows, 0, zeros, 0, zeros, add,
                                       partial[chunk], g * depth * width_of_line, partial_rows)  # fmt: skip
                        multiply_block(1, 0, 1, filters, count, ones, 0, partial_rows, still, 0,
                                       line, 0, line_rows, 0, zeros, 0, zeros, add, partial[chunk],
                                       (group * depth + g) * width_of_line, partial_rows)  # fmt: skip


@kernel(parallel=True)
def add_chunks(partial, group, filters, depth, wide, slots, weight_diff):
    """``weight_diff[g, m, k] += sum_chunk partial[chunk, g, k, m]``, the chunks in their order, at first into chunk 0.

    ``wide`` is the distance of the rows of ``partial``.
    """
    chunks, lines = partial.shape[0], group * depth
    for slot in prange(slots):
        begin, end = slot * lines // slots * wide, (slot + 1) * lines // slots * wide
        total = partial[0, begin:end]
        for chunk in range(1, chunks):
            part = partial[chunk, begin:end]
            for i in range(total.size):
                total[i] += part[i]
        for m in range(filters):
            for line in range(slot * lines // slots, (slot + 1) * lines // slots):
                g, k = line // depth, line % depth
                weight_diff[(g * filters + m) * depth + k] += partial[0, line * wide + m]


@kernel
def add_bias_chunks(partial, start, filters, wide, bias_diff):
    """``bias_diff[g, m] += partial[chunk, start + g wide + m]``, the chunks in their order."""
    for chunk in range(partial.shape[0]):
        for m in range(bias_diff.size):
            bias_diff[m] += partial[chunk, start + m // filters * wide + m % filters]


@kernel(parallel=True)
def add_transposed(transposed, group, filters, depth, dots, slots, weight_diff):
    """``weight_diff[g, m, k] += transposed[g, k, m]``, but for the last ``dots`` filters of each group."""
    lines = group * (filters - dots)
    for slot in prange(slots):
        for line in range(slot * lines // slots, (slot + 1) * lines // slots):
            g, m = line // (filters - dots), line % (filters - dots)
            target = (g * filters + m) * depth
            source = g * filters * depth + m
            for k in range(depth):
                weight_diff[target + k] += transposed[source + k * filters]


@kernel
def _dot_block(top_diff, col, start, stride, sizes, places, first, last, origin, row, rows, k, k_end, steps, zeros, add,
               out, out0):  # fmt: skip
    """``out[out0 + m depth + k]`` for ``rows`` filters from ``row`` on and ``k … k_end - 1``, over images."""
    num_output, depth = sizes[5], steps.size
    columns, tiles = -(-(k_end - k) // DOT_COLUMNS), -(-rows // DOT_ROWS)
    images = max(1, _RUN // places)
    run = _RUN if places > 2 * _RUN else places
    for image in range(first, last, images):
        segments = min(images, last - image)
        for place in range(0, places, run):
            for column in range(columns):
                left = k + column * (k_end - k) // columns
                right = k + (column + 1) * (k_end - k) // columns
                for tile in range(tiles):
                    top, bottom = row + tile * rows // tiles, row + (tile + 1) * rows // tiles
                    dot_tile(bottom - top, right - left, segments, min(run, places - place), top_diff,
                             (image * num_output + top) * places + place, places, num_output * places, col,
                             start + (image - origin) * stride + place, stride, steps, left, zeros, 0,
                             add or image > first or place > 0, out, out0 + top * depth + left, depth)  # fmt: skip


@kernel(parallel=True)
def dot_gradient(bottom, top_diff, sizes, geometry, direct, layout_rows, steps, zeros, chunks, room, pooled_diff,
                 mask, pooling, packs, partial, sums, weight_diff, bias_diff):  # fmt: skip
    """Add to ``weight_diff`` and, if it has elements, to ``bias_diff``.

    ``partial[chunk]`` gets a chunk's sum, ``sums``, (num, num_output) and flat, each image's for the bias, as in
    `bias_gradient`. ``packs[slot]`` holds ``room`` packed images and some more. Where ``pooled_diff`` has elements,
    ``top_diff`` is computed first, a few images at a time: the gradient of a pooling that follows; ``mask`` and
    ``pooling`` are those of `netdef.kernels.pool_planes.spread_pairs`.
    """
    num, group, channels, height, width, num_output = sizes
    places, filters, depth = geometry[8] * geometry[9], num_output // group, steps.size
    slots = packs.shape[0]
    stride = channels * height * width if direct else packs.shape[2]
    for slot in prange(slots):
        for chunk in range(slot * chunks // slots, (slot + 1) * chunks // slots):
            begin, end = chunk * num // chunks, (chunk + 1) * num // chunks
            for first in range(begin, end, room):
                last = min(first + room, end)
                if pooled_diff.size:
                    spread_pairs(pooled_diff, mask, first * num_output, last * num_output, pooling, top_diff)
                if bias_diff.size:
                    for plane in range(first * num_output, last * num_output):
                        sums[plane] = sum_row(top_diff, plane * places, places)
                if not direct:
                    for image in range(first, last):
                        _pack_whole(bottom, image, sizes, geometry, layout_rows, packs[slot, image - first])
                col = bottom if direct else packs[slot].reshape(-1)
                origin = 0 if direct else first
                for g in range(group):
                    _dot_block(top_diff, col, g * (stride // group), stride, sizes, places, first, last, origin,
                               g * filters, filters, 0, depth, steps, zeros, first > begin, partial[chunk],
                               0)  # fmt: skip
    for chunk in range(chunks):
        for i in range(weight_diff.size):
            weight_diff[i] += partial[chunk, i]
    for image in range(num):
        for m in range(bias_diff.size):
            bias_diff[m] += sums[image * num_output + m]


@kernel(parallel=True)
def bias_gradient(top_diff, num, num_output, places, slots, bias_diff):
    """``bias_diff[m] += sum_{image, p} top_diff[image, m, p]``, image after image."""
    for slot in prange(slots):
        for m in range(slot * num_output // slots, (slot + 1) * num_output // slots):
            total = bias_diff[m]
            for image in range(num):
                total += sum_row(top_diff, (image * num_output + m) * places, places)
            bias_diff[m] = total
