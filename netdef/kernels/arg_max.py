"""ArgMax: places and values of the greatest along the middle axis of ``(outer, dim, inner)``."""

from netdef.kernels._jit import kernel, prange


@kernel(parallel=True)
def arg_max(bottom_data, place, value):
    """``value[i, :, j]``: the greatest of ``bottom_data[i, :, j]``, falling; ``place``: where they stand.

    place, value : (outer, top_k, inner). Among equals the later place goes before (argmax_layer.cpp:74-76 sorts
    pairs of value and place). Where there is NaN, the order has no meaning, as in Caffe.
    """
    outer, dim, inner = bottom_data.shape
    top_k = value.shape[1]
    for unit in prange(outer * inner):
        i = unit // inner
        j = unit - i * inner
        for c in range(dim):
            candidate = bottom_data[i, c, j]
            rank = min(c, top_k)
            while rank > 0 and not value[i, rank - 1, j] > candidate:
                rank -= 1
            if rank < top_k:
                for k in range(min(c, top_k - 1), rank, -1):
                    value[i, k, j] = value[i, k - 1, j]
                    place[i, k, j] = place[i, k - 1, j]
                value[i, rank, j] = candidate
                place[i, rank, j] = c
