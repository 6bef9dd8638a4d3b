"""Pooling of regions, output by output, with Python's own numbers."""

from math import ceil, floor

import numpy as np


def round_away(value):
    return int(floor(abs(value) + 0.5)) * (1 if value >= 0 else -1)


def cells(first, end, limit):
    return [place for place in range(first, end) if 0 <= place < limit]


def roi_pooling(bottom, rois, pooled_h, pooled_w, scale):
    top = np.zeros((len(rois), bottom.shape[1], pooled_h, pooled_w))
    for n, (image, *box) in enumerate(rois):
        x1, y1, x2, y2 = (round_away(value * scale) for value in box)
        bin_h, bin_w = max(y2 - y1 + 1, 1) / pooled_h, max(x2 - x1 + 1, 1) / pooled_w
        for ph in range(pooled_h):
            rows = cells(floor(ph * bin_h) + y1, ceil((ph + 1) * bin_h) + y1, bottom.shape[2])
            for pw in range(pooled_w):
                columns = cells(floor(pw * bin_w) + x1, ceil((pw + 1) * bin_w) + x1, bottom.shape[3])
                if rows and columns:
                    top[n, :, ph, pw] = bottom[int(image)][:, rows][:, :, columns].max(axis=(1, 2))
    return top


def psroi_pooling(bottom, rois, output_dim, group, scale):
    top = np.zeros((len(rois), output_dim, group, group))
    for n, (image, *box) in enumerate(rois):
        x1, y1 = (round_away(value) * scale for value in box[:2])
        x2, y2 = ((round_away(value) + 1) * scale for value in box[2:])
        bin_h, bin_w = max(y2 - y1, 0.1) / group, max(x2 - x1, 0.1) / group
        for ph in range(group):
            rows = cells(floor(ph * bin_h + y1), ceil((ph + 1) * bin_h + y1), bottom.shape[2])
            for pw in range(group):
                columns = cells(floor(pw * bin_w + x1), ceil((pw + 1) * bin_w + x1), bottom.shape[3])
                for c in range(output_dim):
                    if rows and columns:
                        plane = bottom[int(image), (c * group + ph) * group + pw]
                        top[n, c, ph, pw] = plane[rows][:, columns].mean()
    return top
