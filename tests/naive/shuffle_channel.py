"""ShuffleChannel, channel by channel."""

import numpy as np


def shuffle_channel(bottom, group):
    top = np.zeros(bottom.shape)
    share = bottom.shape[1] // group
    for n in range(bottom.shape[0]):
        for g in range(group):
            for k in range(share):
                top[n, k * group + g] = bottom[n, g * share + k]
    return top


def shuffle_channel_backward(top_diff, group):
    diff = np.zeros(top_diff.shape)
    share = top_diff.shape[1] // group
    for n in range(top_diff.shape[0]):
        for g in range(group):
            for k in range(share):
                diff[n, g * share + k] = top_diff[n, k * group + g]
    return diff
