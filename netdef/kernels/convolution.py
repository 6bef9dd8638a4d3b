"""Convolution of images, forward and back to the image, on packed images and register tiles.

With ``k = (channel, kh, kw)``, ``p = (oh, ow)`` and ``col`` the im2col matrix of an image (kept as a pack, see
`netdef.kernels.im2col`), per image and group:

    top[m, p]      = bias[m] + sum_k weight[m, k] col[k, p]
    col_diff[k, p] = sum_m weight[m, k] top_diff[m, p]       then folded into bottom_diff

The gradients of weight and bias are in `netdef.kernels.convolution_weight`.

Arrays are flat views of C-contiguous blobs. ``sizes`` is (num, group, channels, height, width, num_output) and
``geometry`` (kernel_h, kernel_w, stride_h, stride_w, pad_h, pad_w, dilation_h, dilation_w, pooled_height,
pooled_width). A convolution with a 1x1 kernel, stride 1 and no padding is ``direct``: its image is its own
im2col matrix, nothing is packed.

Work is dealt out to ``slots``, one for each thread; a slot has a buffer of its own. Every output is summed by
one slot in an order that does not depend on their number. Sums run in the arrays' own dtype, long ones in
blocks of `netdef.kernels.blocks.DEPTH`.
"""

from __future__ import annotations

from netdef.kernels._jit import kernel, prange
from netdef.kernels.blocks import multiply_block
from netdef.kernels.finish import finish_row
from netdef.kernels.im2col import fold_image, pack_image
from netdef.kernels.pool_planes import max_planes
from netdef.kernels.tiles import TILE_ROWS, copy_rows

__all__ = ["backward_data", "forward", "forward_and_pool", "transpose_weight"]


@kernel(parallel=True)
def forward(bottom, weight, bias, sizes, geometry, direct, strip_rows, layout_rows, splits, steps, weight_rows, single,
            places, zeros, finish, buffers, top):  # fmt: skip
    """``top = bias + weight * bottom``, with ``finish`` applied as `netdef.kernels.finish` says.

    An image is cut into strips of ``strip_rows`` output rows, the output channels into ``splits`` shares; strips
    are what a buffer (``buffers[slot]``) is packed with. ``layout_rows`` are the rows per remainder of such a
    pack, ``steps`` its `pack_steps`, ``weight_rows`` and ``places`` the distances of the rows of
    weights and of the output planes, ``single`` the numbers from 0 on, ``zeros`` at least num_output zeros.
    """
    slots = buffers.shape[0]
    strips = -(-geometry[8] // strip_rows)
    units = sizes[0] * strips * splits
    for slot in prange(slots):
        for unit in range(slot * units // slots, (slot + 1) * units // slots):
            _forward_unit(bottom, weight, bias, sizes, geometry, direct, strip_rows, layout_rows, splits, steps,
                          weight_rows, single, places, zeros, finish, unit, buffers[slot], top)  # fmt: skip


@kernel(parallel=True)
def forward_and_pool(bottom, weight, bias, sizes, geometry, direct, strip_rows, layout_rows, steps, weight_rows, single,
                     places, zeros, finish, buffers, top, pooling, pairs, offsets, mask, pooled):  # fmt: skip
    """`forward` and, image by image, `netdef.kernels.pooling.max_forward` of what it gave."""
    slots, num, num_output = buffers.shape[0], sizes[0], sizes[5]
    strips = -(-geometry[8] // strip_rows)
    for slot in prange(slots):
        for image in range(slot * num // slots, (slot + 1) * num // slots):
            for unit in range(image * strips, (image + 1) * strips):
                _forward_unit(bottom, weight, bias, sizes, geometry, direct, strip_rows, layout_rows, 1, steps,
                              weight_rows, single, places, zeros, finish, unit, buffers[slot], top)  # fmt: skip
            max_planes(top, image * num_output, (image + 1) * num_output, pooling, pairs, offsets, mask,
                       pooled)  # fmt: skip


@kernel
def _forward_unit(bottom, weight, bias, sizes, geometry, direct, strip_rows, layout_rows, splits, steps, weight_rows,
                  single, places, zeros, finish, unit, pack, top):  # fmt: skip
    _, group, channels, height, width, num_output = sizes
    pooled_height, pooled_width = geometry[8], geometry[9]
    strips = -(-pooled_height // strip_rows)
    share, strip, image = unit % splits, unit // splits % strips, unit // (splits * strips)
    rows, depth, inputs = num_output // group, steps.size, channels // group
    tiles = -(-rows // TILE_ROWS)
    first, last = share * group * tiles // splits, (share + 1) * group * tiles // splits
    top_row = strip * strip_rows
    count = min(strip_rows, pooled_height - top_row)
    place = top_row * pooled_width
    plane = pooled_height * pooled_width
    for g in range(first // tiles, -(-last // tiles)):
        source = (image * channels + g * inputs) * height * width
        target = (image * num_output + g * rows) * plane + place
        begin, end = max(first - g * tiles, 0), min(last - g * tiles, tiles)
        if not direct:
            image_rows = (count - 1) * geometry[2] + (geometry[0] - 1) * geometry[6] + 1
            pack_image(bottom, source, inputs, height, width, geometry, top_row * geometry[2] - geometry[4],
                       image_rows, layout_rows, pack)  # fmt: skip
        multiply_block(rows, begin, end, count * pooled_width, depth, weight, g * rows * depth, weight_rows, single, 0,
                       bottom if direct else pack, source + place if direct else 0, steps, 0,
                       bias, g * rows, zeros, False, top, target, places)  # fmt: skip
        if finish.shape[0]:
            for row in range(begin * rows // tiles, end * rows // tiles):
                finish_row(finish, g * rows + row, top, target + row * plane, count * pooled_width)


@kernel(parallel=True)
def transpose_weight(weight, group, rows, depth, slots, transposed):
    """``transposed[g, k, m] = weight[g, m, k]`` for ``rows`` filters of ``depth`` weights in each group."""
    lines = group * depth
    for slot in prange(slots):
        for line in range(slot * lines // slots, (slot + 1) * lines // slots):
            g, k = line // depth, line % depth
            for m in range(rows):
                transposed[line * rows + m] = weight[(g * rows + m) * depth + k]


@kernel(parallel=True)
def backward_data(top_diff, transposed, sizes, geometry, direct, layout_rows, block, steps, planes,
                  transposed_rows, single, zeros, buffers, bottom_diff):  # fmt: skip
    """``bottom_diff``: each slot takes an image's group's ``block`` channels at a time.

    ``planes`` are the distances of the planes of the top, ``steps`` the `pack_steps` of a pack of whole images,
    ``transposed_rows`` the distances of the rows of ``transposed``, the weights as ``(group, k, m)``.
    """
    slots = buffers.shape[0]
    num, group, channels = sizes[0], sizes[1], sizes[2]
    units = num * group * -(-(channels // group) // block)
    for slot in prange(slots):
        for unit in range(slot * units // slots, (slot + 1) * units // slots):
            _backward_data_unit(top_diff, transposed, sizes, geometry, direct, layout_rows, block, steps, planes,
                                transposed_rows, single, zeros, unit, buffers[slot], bottom_diff)  # fmt: skip


@kernel
def _backward_data_unit(top_diff, transposed, sizes, geometry, direct, layout_rows, block, steps, planes,
                        transposed_rows, single, zeros, unit, pack, bottom_diff):  # fmt: skip
    _, group, channels, height, width, num_output = sizes
    rows, inputs, taps = num_output // group, channels // group, geometry[0] * geometry[1]
    places = geometry[8] * geometry[9]
    blocks = -(-inputs // block)
    first = unit % blocks * block
    count = min(block, inputs - first)
    g, image = unit // blocks % group, unit // (blocks * group)
    source = (image * num_output + g * rows) * places
    target = (image * channels + g * inputs + first) * height * width
    line = (g * inputs + first) * taps * rows
    tiles = -(-(count * taps) // TILE_ROWS)
    if not direct:
        remainders = min(geometry[2], (geometry[0] - 1) * geometry[6] + 1)
        size = count * geometry[1] * remainders * layout_rows * geometry[9]
        copy_rows(1, pack, 0, 0, 0, 0, size, pack, 0, size)
    multiply_block(count * taps, 0, tiles, places, rows, transposed, line, transposed_rows, single, 0,
                   top_diff, source, planes, 0, zeros, 0, zeros, not direct,
                   bottom_diff if direct else pack, target if direct else 0, steps)  # fmt: skip
    if not direct:
        fold_image(pack, count, height, width, geometry, layout_rows, bottom_diff, target)
