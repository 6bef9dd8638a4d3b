"""Kernels of Power. Arrays are flat and of one size; numbers are of the arrays' dtype."""

from netdef.kernels._jit import kernel, prange


@kernel(parallel=True)
def power_forward(bottom_data, power, scale, shift, top_data):
    """``top_data[i] = (shift + scale * bottom_data[i])**power``; ``top_data`` may be ``bottom_data``.

    Powers 1 and 2 take no call of the power function.
    """
    if power == 1:
        for i in prange(top_data.size):
            top_data[i] = scale * bottom_data[i] + shift
    elif power == 2:
        for i in prange(top_data.size):
            value = scale * bottom_data[i] + shift
            top_data[i] = value * value
    else:
        for i in prange(top_data.size):
            top_data[i] = (scale * bottom_data[i] + shift) ** power


@kernel(parallel=True)
def power_backward(bottom_data, top_data, top_diff, power, scale, shift, bottom_diff):
    """``bottom_diff[i] = top_diff[i] * power * scale * (shift + scale * bottom_data[i])**(power - 1)``.

    Caffe's ways (power_layer.cpp:46-86): a constant for power 1, linear for power 2, otherwise the top divided
    by its base, which is NaN where the base is 0. ``bottom_diff`` may be ``top_diff``.
    """
    slope = power * scale
    if power == 1:
        for i in prange(bottom_diff.size):
            bottom_diff[i] = slope * top_diff[i]
    elif power == 2:
        for i in prange(bottom_diff.size):
            bottom_diff[i] = (slope * scale * bottom_data[i] + slope * shift) * top_diff[i]
    elif shift == 0:
        for i in prange(bottom_diff.size):
            bottom_diff[i] = top_data[i] / bottom_data[i] * power * top_diff[i]
    else:
        for i in prange(bottom_diff.size):
            bottom_diff[i] = top_data[i] / (scale * bottom_data[i] + shift) * slope * top_diff[i]
