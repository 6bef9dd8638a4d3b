"""ArgMax by sorting pairs of value and place, as Caffe does."""

import numpy as np


def ranks(values, top_k):
    """Places and values of the ``top_k`` greatest; of equals the later place goes before."""
    pairs = sorted(((float(value), place) for place, value in enumerate(values)), reverse=True)[:top_k]
    return [place for _, place in pairs], [value for value, _ in pairs]


def arg_max(bottom, top_k=1, axis=None, out_max_val=False):
    if axis is None:
        rows = [ranks(item.reshape(-1), top_k) for item in bottom]
        top = np.array([[places, values] if out_max_val else [places] for places, values in rows])
        return top.reshape(top.shape + (1,) * (bottom.ndim - 3))
    columns = np.moveaxis(bottom, axis, -1)
    top = np.zeros((*columns.shape[:-1], top_k))
    for index in np.ndindex(*columns.shape[:-1]):
        top[index] = ranks(columns[index], top_k)[int(out_max_val)]
    return np.moveaxis(top, -1, axis)
