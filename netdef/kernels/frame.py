"""Images laid into larger ones, turned, moved, stretched and slanted. Serial: they run on the prefetch thread."""

from __future__ import annotations

import numpy as np

from netdef.kernels._jit import kernel
from netdef.kernels.random import hash_uniform
from netdef.kernels.transform import IMAGE_HEIGHT, IMAGE_WIDTH, START

AFFINE_DRAWS = 6  # an image
# Columns of a map: the pixel (y, x) of the result is taken from (YY * y + YX * x + Y0, XY * y + XX * x + X0).
YY, YX, Y0, XY, XX, X0 = range(6)
MAP_COUNT = 6


@kernel
def draw_maps(key, counter, stride, limits, placements, pad, maps):
    """Draw a map for each image; ``maps`` float64 ``(num, 6)``.

    Image ``n`` uses the 6 draws from ``counter + stride n`` on of the stream ``key`` (both uint64). ``limits``: the
    most that the image is turned (radians), moved (pixels), stretched (1 - s to 1 + s, height and width apart) and
    slanted (pixels a pixel), each value of its range as likely as any other. The image is stretched, slanted, turned
    about its centre, then moved; the map is the way back. ``pad`` is how much larger the result is on each side.
    """
    for image in range(placements.shape[0]):
        draw = counter + np.uint64(stride * image)
        angle = limits[0] * (2 * hash_uniform(key, draw) - 1)
        down = limits[1] * (2 * hash_uniform(key, draw + np.uint64(1)) - 1)
        right = limits[1] * (2 * hash_uniform(key, draw + np.uint64(2)) - 1)
        tall = 1 + limits[2] * (2 * hash_uniform(key, draw + np.uint64(3)) - 1)
        wide = 1 + limits[2] * (2 * hash_uniform(key, draw + np.uint64(4)) - 1)
        slant = limits[3] * (2 * hash_uniform(key, draw + np.uint64(5)) - 1)
        sine, cosine = np.sin(angle), np.cos(angle)
        # The way back: turn by -angle, take the slant away, shrink what was stretched.
        maps[image, YY] = cosine / tall
        maps[image, YX] = -sine / tall
        maps[image, XY] = (sine - slant * cosine) / wide
        maps[image, XX] = (cosine + slant * sine) / wide
        middle_y = (placements[image, IMAGE_HEIGHT] - 1) / 2
        middle_x = (placements[image, IMAGE_WIDTH] - 1) / 2
        y, x = middle_y + pad + down, middle_x + pad + right
        maps[image, Y0] = middle_y - maps[image, YY] * y - maps[image, YX] * x
        maps[image, X0] = middle_x - maps[image, XY] * y - maps[image, XX] * x


@kernel
def pad_images(source, placements, pad, value, canvas):
    """Each image in the middle of ``canvas[n]``, ``pad`` pixels of ``value`` on each side; all have one size.

    ``source`` is flat; image ``n`` starts at ``placements[n, START]`` in ``(C, H, W)`` order.
    """
    num, channels, height, width = canvas.shape
    number = canvas.dtype.type
    for n in range(num):
        begin = placements[n, START]
        for c in range(channels):
            for y in range(height):
                line = canvas[n, c, y]
                line[:] = number(value)
                if pad <= y < height - pad:
                    for x in range(pad, width - pad):
                        line[x] = number(source[begin + x - pad])
                    begin += width - 2 * pad


@kernel
def map_images(source, placements, pad, value, maps, canvas):
    """``canvas[n]``: image ``n`` seen through its map, between pixels by linear interpolation, ``value`` outside."""
    num, channels, height, width = canvas.shape
    tall, wide = height - 2 * pad, width - 2 * pad
    number = canvas.dtype.type
    for n in range(num):
        for c in range(channels):
            start = placements[n, START] + c * tall * wide
            for y in range(height):
                for x in range(width):
                    row = maps[n, YY] * y + maps[n, YX] * x + maps[n, Y0]
                    column = maps[n, XY] * y + maps[n, XX] * x + maps[n, X0]
                    top, left = int(np.floor(row)), int(np.floor(column))
                    lower, right = row - top, column - left
                    total = 0.0
                    for corner in range(4):
                        down, over = corner // 2, corner % 2
                        share = (lower if down else 1 - lower) * (right if over else 1 - right)
                        inside = (0 <= top + down) & (top + down < tall) & (0 <= left + over) & (left + over < wide)
                        pixel = np.float64(value)
                        if inside:
                            pixel = np.float64(source[start + (top + down) * wide + left + over])
                        total += share * pixel
                    canvas[n, c, y, x] = number(total)
