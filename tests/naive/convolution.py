"""Convolution, one weight at a time. Any number of spatial axes; tuples have one number for each."""

import itertools

import numpy as np


def pooled_shape(shape, kernel, stride, pad, dilation):
    reach = [d * (k - 1) + 1 for k, d in zip(kernel, dilation)]
    return tuple((n + 2 * p - r) // s + 1 for n, p, r, s in zip(shape, pad, reach, stride))


def terms(bottom_shape, weight_shape, stride, pad, dilation, group):
    """Every (top index, weight index, bottom index) that meet."""
    num, _, *image = bottom_shape
    num_output, inputs, *kernel = weight_shape
    pooled = pooled_shape(image, kernel, stride, pad, dilation)
    for n, m, c in itertools.product(range(num), range(num_output), range(inputs)):
        channel = m // (num_output // group) * inputs + c
        for place in np.ndindex(*pooled):
            for tap in np.ndindex(*kernel):
                pixel = tuple(o * s - p + k * d for o, s, p, k, d in zip(place, stride, pad, tap, dilation))
                if all(0 <= i < size for i, size in zip(pixel, image)):
                    yield (n, m, *place), (m, c, *tap), (n, channel, *pixel)


def convolution(bottom, weight, bias, stride, pad, dilation, group=1):
    pooled = pooled_shape(bottom.shape[2:], weight.shape[2:], stride, pad, dilation)
    top = np.zeros((len(bottom), len(weight), *pooled))
    if bias is not None:
        top += bias.reshape(-1, *(1,) * len(pooled))
    for at, tap, pixel in terms(bottom.shape, weight.shape, stride, pad, dilation, group):
        top[at] += float(weight[tap]) * float(bottom[pixel])
    return top


def convolution_backward(bottom, weight, top_diff, stride, pad, dilation, group=1):
    """(bottom_diff, weight_diff, bias_diff)."""
    bottom_diff, weight_diff = np.zeros(bottom.shape), np.zeros(weight.shape)
    for at, tap, pixel in terms(bottom.shape, weight.shape, stride, pad, dilation, group):
        bottom_diff[pixel] += float(weight[tap]) * float(top_diff[at])
        weight_diff[tap] += float(bottom[pixel]) * float(top_diff[at])
    return bottom_diff, weight_diff, top_diff.sum((0, *range(2, top_diff.ndim)), dtype=float)
