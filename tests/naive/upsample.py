"""Upsample, pixel by pixel."""

import numpy as np


def unpool(bottom, mask, height, width):
    top = np.zeros((*bottom.shape[:2], height, width))
    for n, c, h, w in np.ndindex(bottom.shape):
        place = int(mask[n, c, h, w])
        top[n, c, place // width, place % width] = bottom[n, c, h, w]
    return top


def unpool_backward(mask, top_diff):
    bottom_diff = np.zeros(mask.shape)
    width = top_diff.shape[3]
    for n, c, h, w in np.ndindex(mask.shape):
        place = int(mask[n, c, h, w])
        bottom_diff[n, c, h, w] = top_diff[n, c, place // width, place % width]
    return bottom_diff


def repeat(bottom, scale_h, scale_w):
    num, channels, height, width = bottom.shape
    top = np.zeros((num, channels, height * scale_h, width * scale_w))
    for n, c, h, w in np.ndindex(top.shape):
        top[n, c, h, w] = bottom[n, c, h // scale_h, w // scale_w]
    return top


def repeat_backward(shape, top_diff, scale_h, scale_w):
    bottom_diff = np.zeros(shape)
    for n, c, h, w in np.ndindex(top_diff.shape):
        bottom_diff[n, c, h // scale_h, w // scale_w] += top_diff[n, c, h, w]
    return bottom_diff
