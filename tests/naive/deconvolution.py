"""Deconvolution and its gradients, pixel by pixel, over any number of spatial axes."""

import numpy as np


def places(shape, kernel, stride, pad, dilation, top_shape):
    """``(pixel of the bottom, tap, pixel of the top)`` for every product that counts."""
    for pixel in np.ndindex(*shape):
        for tap in np.ndindex(*kernel):
            goal = tuple(o * s - p + k * d for o, s, p, k, d in zip(pixel, stride, pad, tap, dilation))
            if all(0 <= i < size for i, size in zip(goal, top_shape)):
                yield pixel, tap, goal


def top_shape(shape, kernel, stride, pad, dilation):
    return tuple(s * (n - 1) + d * (k - 1) + 1 - 2 * p for n, k, s, p, d in zip(shape, kernel, stride, pad, dilation))


def forward(bottom, weight, bias, stride, pad, dilation, group):
    """``bottom`` (N, C, …), ``weight`` (C, outputs of a group, …), ``bias`` (outputs,)."""
    num, channels = bottom.shape[:2]
    kernel, outputs = weight.shape[2:], weight.shape[1]
    sizes = top_shape(bottom.shape[2:], kernel, stride, pad, dilation)
    top = np.zeros((num, outputs * group, *sizes))
    for m in range(outputs * group):
        top[:, m] = bias[m]
    for pixel, tap, goal in places(bottom.shape[2:], kernel, stride, pad, dilation, sizes):
        for n, c, m in np.ndindex(num, channels, outputs):
            first = c // (channels // group) * outputs
            top[(n, first + m, *goal)] += weight[(c, m, *tap)] * bottom[(n, c, *pixel)]
    return top


def backward(bottom, weight, top_diff, stride, pad, dilation, group):
    """``(bottom_diff, weight_diff, bias_diff)``."""
    num, channels = bottom.shape[:2]
    kernel, outputs = weight.shape[2:], weight.shape[1]
    bottom_diff, weight_diff = np.zeros(bottom.shape), np.zeros(weight.shape)
    for pixel, tap, goal in places(bottom.shape[2:], kernel, stride, pad, dilation, top_diff.shape[2:]):
        for n, c, m in np.ndindex(num, channels, outputs):
            diff = top_diff[(n, c // (channels // group) * outputs + m, *goal)]
            bottom_diff[(n, c, *pixel)] += weight[(c, m, *tap)] * diff
            weight_diff[(c, m, *tap)] += bottom[(n, c, *pixel)] * diff
    return bottom_diff, weight_diff, top_diff.sum(axis=(0, *range(2, top_diff.ndim)))
