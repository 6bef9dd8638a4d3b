"""BatchNorm, Scale and ReLU in one pass, in place: what follows a convolution in many nets.

What is to be done to a channel may be a column of a *finish*, ``(5, channels)``: mean, 1 / deviation, factor, term and
ReLU's negative slope. A finish of one row is ReLU alone, one of none leaves all as it is.
"""

from __future__ import annotations

from netdef.kernels._jit import kernel, prange
from netdef.kernels.activation import rectified

__all__ = ["finish_planes", "finish_row", "read_finish"]


@kernel
def read_finish(mean, deviation, factor, term, slope, finish):
    """Write a ``finish`` of five rows."""
    one = mean.dtype.type(1)
    for c in range(mean.size):
        finish[0, c], finish[1, c], finish[2, c], finish[3, c] = mean[c], one / deviation[c], factor[c], term[c]
        finish[4, c] = slope


@kernel
def finish_row(finish, channel, data, start, count):
    """What `finish_planes` does, to ``data[start : start + count]`` of a channel."""
    part = data[start : start + count]
    slope = finish[-1, channel]
    if finish.shape[0] == 1:
        for i in range(count):
            part[i] = rectified(part[i], slope)
        return
    centre, inverse, scale, shift = finish[0, channel], finish[1, channel], finish[2, channel], finish[3, channel]
    for i in range(count):
        part[i] = rectified((part[i] - centre) * inverse * scale + shift, slope)


@kernel(parallel=True)
def finish_planes(mean, deviation, factor, term, slope, spatial, data):
    """``data = relu((data - mean) * (1 / deviation) * factor + term)`` per channel, with ReLU's negative ``slope``.

    data : ``num * channels * spatial`` values, flat; the others (channels,). The same operations in the same order
    as those of `batch_norm.normalize_by_statistics`, `scale.multiply_by_scale_and_add` and
    `activation.relu_forward`: a mean of 0 and a deviation, a factor or a slope of 1 leave a value as it is, so does
    a term of 0, which makes -0 to 0.
    """
    channels = mean.size
    one = mean.dtype.type(1)
    for block in prange(data.size // spatial):
        part = data[block * spatial : (block + 1) * spatial]
        c = block % channels
        centre, inverse, scale, shift = mean[c], one / deviation[c], factor[c], term[c]
        for i in range(spatial):
            part[i] = rectified((part[i] - centre) * inverse * scale + shift, slope)
