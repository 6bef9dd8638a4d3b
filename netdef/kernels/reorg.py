"""Moving pixels into channels and back, in the order of darknet's reorg.

With bottom ``(channels, height, width)``, S = stride and C = channels // S**2, the pair of flat places of channel
``c``, row ``h``, column ``w`` is: ``place`` in the bottom's own order, and ``spread`` in an array
``(C, S height, S width)`` at channel ``c % C``, row ``S h + (c // C) // S``, column ``S w + (c // C) % S``.
Source: darknet src/blas.c (reorg_cpu), YOLO v2's Caffe src/caffe/util/math_functions.cpp.
"""

from __future__ import annotations

from netdef.kernels._jit import kernel, prange


@kernel(parallel=True)
def reorg(source, channels, height, width, stride, spread_out, target):
    """``target[n, spread] = source[n, place]`` where ``spread_out``, else ``target[n, place] = source[n, spread]``.

    source, target : ``(num, channels * height * width)``
    """
    few = channels // (stride * stride)
    for unit in prange(source.shape[0] * channels):
        n = unit // channels
        c = unit - n * channels
        part = c // few
        for h in range(height):
            place = (c * height + h) * width
            row = (c - part * few) * height * stride + h * stride + part // stride
            spread = row * width * stride + part % stride
            for w in range(width):
                if spread_out:
                    target[n, spread + w * stride] = source[n, place + w]
                else:
                    target[n, place + w] = source[n, spread + w * stride]
