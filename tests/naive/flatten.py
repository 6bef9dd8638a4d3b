"""The shape that Flatten makes."""


def flattened_shape(shape, axis, end_axis):
    joined = range(axis % len(shape), end_axis % len(shape) + 1)
    result = []
    for i, size in enumerate(shape):
        if i in joined and i != joined[0]:
            result[joined[0]] *= size
        else:
            result.append(size)
    return tuple(result)
