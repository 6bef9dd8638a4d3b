"""The forward kernel of Axpy; its gradients are those of Scale."""

from netdef.kernels._jit import kernel, prange


@kernel(parallel=True)
def axpy(scale, factor_data, term_data, inner, top_data):
    """``top_data[d, i] = scale[d] * factor_data[d, i] + term_data[d, i]``; flat, ``inner`` elements for each d.

    ``top_data`` may be ``term_data``.
    """
    for d in prange(scale.size):
        value = scale[d]
        factor = factor_data[d * inner : (d + 1) * inner]
        term = term_data[d * inner : (d + 1) * inner]
        target = top_data[d * inner : (d + 1) * inner]
        for i in range(inner):
            target[i] = value * factor[i] + term[i]
