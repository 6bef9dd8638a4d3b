"""Making images larger: values put back where their maxima were, and pixels repeated. Arrays are flat.

Planes are independent: the loops are parallel over them.
"""

from __future__ import annotations

from netdef.kernels._jit import kernel, prange

__all__ = ["find_bad_place", "repeat_backward", "repeat_forward", "unpool_backward", "unpool_forward"]


@kernel
def find_bad_place(mask, places):
    """The first index of ``mask`` that holds no number from 0 to ``places`` - 1, or -1."""
    for i in range(mask.size):
        if not 0 <= mask[i] < places:
            return i
    return -1


@kernel(parallel=True)
def unpool_forward(bottom, mask, size, places, top):
    """``top[plane, mask[plane, i]] = bottom[plane, i]`` for ``i < size``, in that order; 0 elsewhere."""
    for plane in prange(bottom.size // size):
        for i in range(plane * places, (plane + 1) * places):
            top[i] = 0
        for i in range(plane * size, (plane + 1) * size):
            top[plane * places + int(mask[i])] = bottom[i]


@kernel(parallel=True)
def unpool_backward(top_diff, mask, size, places, bottom_diff):
    """``bottom_diff[plane, i] = top_diff[plane, mask[plane, i]]``."""
    for plane in prange(bottom_diff.size // size):
        for i in range(plane * size, (plane + 1) * size):
            bottom_diff[i] = top_diff[plane * places + int(mask[i])]


@kernel(parallel=True)
def repeat_forward(bottom, height, width, scale_h, scale_w, top):
    """``top[plane, h, w] = bottom[plane, h // scale_h, w // scale_w]``."""
    columns = width * scale_w
    for plane in prange(bottom.size // (height * width)):
        for row in range(height * scale_h):
            source = (plane * height + row // scale_h) * width
            target = (plane * height * scale_h + row) * columns
            for column in range(columns):
                top[target + column] = bottom[source + column // scale_w]


@kernel(parallel=True)
def repeat_backward(top_diff, height, width, scale_h, scale_w, bottom_diff):
    """``bottom_diff``: the sum over a pixel's copies, row by row."""
    columns = width * scale_w
    for plane in prange(bottom_diff.size // (height * width)):
        for row in range(height):
            for column in range(width):
                total = bottom_diff.dtype.type(0)
                for copy in range(scale_h):
                    source = ((plane * height + row) * scale_h + copy) * columns + column * scale_w
                    for i in range(source, source + scale_w):
                        total += top_diff[i]
                bottom_diff[(plane * height + row) * width + column] = total
