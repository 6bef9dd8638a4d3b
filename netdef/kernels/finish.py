"""BatchNorm, Scale and ReLU in one pass, in place: what follows a convolution in many nets."""

from __future__ import annotations

from netdef.kernels._jit import kernel, prange
from netdef.kernels.activation import rectified

__all__ = ["finish_planes"]


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
