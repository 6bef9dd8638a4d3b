"""Sub-sampling, window by window."""

import numpy as np


def sub_sampling(bottom, coefficient, bias, size, stride):
    num, channels, height, width = bottom.shape
    top = np.zeros((num, channels, (height - size) // stride + 1, (width - size) // stride + 1))
    for n, c, oh, ow in np.ndindex(*top.shape):
        total = 0.0
        for h in range(size):
            for w in range(size):
                total += float(bottom[n, c, oh * stride + h, ow * stride + w])
        top[n, c, oh, ow] = total * coefficient[c] + bias[c]
    return top


def sub_sampling_backward(bottom, coefficient, top_diff, size, stride):
    """Gradients with respect to the bottom, the coefficients and the biases."""
    bottom_diff = np.zeros(bottom.shape)
    coefficient_diff, bias_diff = np.zeros(len(coefficient)), np.zeros(len(coefficient))
    for n, c, oh, ow in np.ndindex(*top_diff.shape):
        diff = float(top_diff[n, c, oh, ow])
        bias_diff[c] += diff
        for h in range(size):
            for w in range(size):
                y, x = oh * stride + h, ow * stride + w
                coefficient_diff[c] += diff * float(bottom[n, c, y, x])
                bottom_diff[n, c, y, x] += diff * coefficient[c]
    return bottom_diff, coefficient_diff, bias_diff
