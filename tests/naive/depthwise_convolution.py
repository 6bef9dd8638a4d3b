"""Convolution with one filter for each channel, pixel by pixel."""

import numpy as np


def places(height, width, kernel, stride, pad, dilation, rows, columns):
    """``(oh, ow, kh, kw, ih, iw)`` for every product that counts."""
    for oh, ow, kh, kw in np.ndindex(rows, columns, *kernel):
        ih = oh * stride[0] - pad[0] + kh * dilation[0]
        iw = ow * stride[1] - pad[1] + kw * dilation[1]
        if 0 <= ih < height and 0 <= iw < width:
            yield oh, ow, kh, kw, ih, iw


def forward(bottom, weight, bias, stride, pad, dilation):
    """``weight`` is (channels, 1, kernel_h, kernel_w)."""
    num, channels, height, width = bottom.shape
    kernel = weight.shape[2:]
    rows = (height + 2 * pad[0] - dilation[0] * (kernel[0] - 1) - 1) // stride[0] + 1
    columns = (width + 2 * pad[1] - dilation[1] * (kernel[1] - 1) - 1) // stride[1] + 1
    top = np.zeros((num, channels, rows, columns)) + bias[:, None, None]
    for oh, ow, kh, kw, ih, iw in places(height, width, kernel, stride, pad, dilation, rows, columns):
        for n, c in np.ndindex(num, channels):
            top[n, c, oh, ow] += weight[c, 0, kh, kw] * bottom[n, c, ih, iw]
    return top


def backward(bottom, weight, top_diff, stride, pad, dilation):
    """``(bottom_diff, weight_diff, bias_diff)``."""
    num, channels, height, width = bottom.shape
    bottom_diff, weight_diff = np.zeros(bottom.shape), np.zeros(weight.shape)
    sizes = top_diff.shape[2:]
    for oh, ow, kh, kw, ih, iw in places(height, width, weight.shape[2:], stride, pad, dilation, *sizes):
        for n, c in np.ndindex(num, channels):
            bottom_diff[n, c, ih, iw] += weight[c, 0, kh, kw] * top_diff[n, c, oh, ow]
            weight_diff[c, 0, kh, kw] += bottom[n, c, ih, iw] * top_diff[n, c, oh, ow]
    return bottom_diff, weight_diff, top_diff.sum(axis=(0, 2, 3))
