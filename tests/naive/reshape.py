"""The shape that Reshape makes, an unknown size found by trying."""

import math


def reshaped(shape, dims, axis=0, num_axes=-1):
    start = axis if axis >= 0 else len(shape) + axis + 1
    end = len(shape) if num_axes == -1 else start + num_axes
    result = list(shape[:start])
    for dim in dims:
        result.append(shape[len(result)] if dim == 0 else dim)
    result += shape[end:]
    if -1 in result:
        place = result.index(-1)
        result[place] = 1
        while math.prod(result) < math.prod(shape):
            result[place] += 1
    return tuple(result)
