"""Kernels of Eltwise. All arrays are flat and of one size; numbers are of the arrays' dtype."""

from netdef.kernels._jit import kernel, prange
from netdef.kernels.activation import rectified


@kernel(parallel=True)
def multiply(first, second, product):
    """``product[i] = first[i] * second[i]``; ``product`` may be either of the others."""
    for i in prange(product.size):
        product[i] = first[i] * second[i]


@kernel(parallel=True)
def divide_and_multiply(top_data, bottom_data, top_diff, bottom_diff):
    """``bottom_diff[i] = top_data[i] / bottom_data[i] * top_diff[i]``: NaN where the bottom is 0, as in Caffe."""
    for i in prange(bottom_diff.size):
        bottom_diff[i] = top_data[i] / bottom_data[i] * top_diff[i]


@kernel(parallel=True)
def weighted_sum(first, first_coeff, second, second_coeff, total):
    """``total[i] = first_coeff * first[i] + second_coeff * second[i]``; ``total`` may be ``first``."""
    for i in prange(total.size):
        total[i] = first_coeff * first[i] + second_coeff * second[i]


@kernel(parallel=True)
def rectified_sum(first, first_coeff, second, second_coeff, negative_slope, total):
    """`weighted_sum` and then ReLU, as `netdef.kernels.activation.relu_forward` computes it."""
    for i in prange(total.size):
        total[i] = rectified(first_coeff * first[i] + second_coeff * second[i], negative_slope)


@kernel(parallel=True)
def multiply_by(factor, values, product):
    """``product[i] = factor * values[i]``."""
    for i in prange(product.size):
        product[i] = factor * values[i]


@kernel(parallel=True)
def maximum_of_two(first, second, top_data, winner):
    """``top_data[i]`` is the greater; ``winner[i]`` says which, 0 or 1.

    A tie goes to the second (eltwise_layer.cpp:77-83), and so does a NaN in either.
    """
    for i in prange(top_data.size):
        if first[i] > second[i]:
            top_data[i] = first[i]
            winner[i] = 0
        else:
            top_data[i] = second[i]
            winner[i] = 1


@kernel(parallel=True)
def maximum_with_next(bottom_data, index, top_data, winner):
    """Raise ``top_data`` to bottom number ``index``, 2 or more, where it is truly greater.

    A tie stays with the earlier bottom (eltwise_layer.cpp:89).
    """
    for i in prange(top_data.size):
        if bottom_data[i] > top_data[i]:
            top_data[i] = bottom_data[i]
            winner[i] = index


@kernel(parallel=True)
def maximum_backward(top_diff, winner, index, bottom_diff):
    """``bottom_diff[i] = top_diff[i]`` where bottom number ``index`` won, else 0."""
    for i in prange(bottom_diff.size):
        if winner[i] == index:
            bottom_diff[i] = top_diff[i]
        else:
            bottom_diff[i] = 0
