"""Kernels of Tile. The bottom is seen as (outer, inner), the top as (outer, tiles, inner)."""

from netdef.kernels._jit import kernel, prange

BLOCK = 512  # elements that one thread adds up at a time


@kernel(parallel=True)
def tile_forward(bottom_data, top_data):
    """``top_data[i, t] = bottom_data[i]``."""
    outer, tiles, inner = top_data.shape
    for unit in prange(outer * tiles):
        i = unit // tiles
        source = bottom_data[i]
        target = top_data[i, unit - i * tiles]
        for k in range(inner):
            target[k] = source[k]


@kernel(parallel=True)
def tile_backward(top_diff, bottom_diff):
    """``bottom_diff[i] = sum over t of top_diff[i, t]``, t upwards."""
    outer, tiles, inner = top_diff.shape
    blocks = (inner + BLOCK - 1) // BLOCK
    for unit in prange(outer * blocks):
        i = unit // blocks
        first = (unit - i * blocks) * BLOCK
        last = min(first + BLOCK, inner)
        for k in range(first, last):
            bottom_diff[i, k] = top_diff[i, 0, k]
        for t in range(1, tiles):
            for k in range(first, last):
                bottom_diff[i, k] += top_diff[i, t, k]
