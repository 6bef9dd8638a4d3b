"""The full im2col matrix of images with two spatial axes, and its transpose, plane after plane.

``geometry`` is (height, width, kernel_h, kernel_w, stride_h, stride_w, pad_h, pad_w, dilation_h, dilation_w,
pooled_height, pooled_width); arrays are flat. Planes are independent: the loops are parallel over them.
Source: Caffe src/caffe/util/im2col.cpp:14-52, 142-180.
"""

from __future__ import annotations

from netdef.kernels._jit import kernel, prange

__all__ = ["gather_windows", "spread_windows"]


@kernel(parallel=True)
def spread_windows(bottom, planes, geometry, top):
    """``top[plane, (kh, kw), oh, ow] = bottom[plane, oh stride_h - pad_h + kh dilation_h, …]``, 0 outside."""
    height, width, kernel_h, kernel_w, stride_h, stride_w, pad_h, pad_w, dilation_h, dilation_w, rows, columns = (
        geometry
    )
    for unit in prange(planes * kernel_h * kernel_w):
        plane, kh, kw = unit // (kernel_h * kernel_w), unit // kernel_w % kernel_h, unit % kernel_w
        shift = kw * dilation_w - pad_w
        for oh in range(rows):
            ih = oh * stride_h - pad_h + kh * dilation_h
            target = (unit * rows + oh) * columns
            source = (plane * height + ih) * width + shift
            inside = 0 <= ih < height
            for ow in range(columns):
                column = ow * stride_w + shift
                top[target + ow] = bottom[source + ow * stride_w] if inside and 0 <= column < width else 0


@kernel(parallel=True)
def gather_windows(top_diff, planes, geometry, bottom_diff):
    """The transpose of `spread_windows`: each pixel becomes the sum over its copies, tap after tap."""
    height, width, kernel_h, kernel_w, stride_h, stride_w, pad_h, pad_w, dilation_h, dilation_w, rows, columns = (
        geometry
    )
    for plane in prange(planes):
        for i in range(plane * height * width, (plane + 1) * height * width):
            bottom_diff[i] = 0
        for tap in range(kernel_h * kernel_w):
            kh, kw = tap // kernel_w, tap % kernel_w
            shift = kw * dilation_w - pad_w
            for oh in range(rows):
                ih = oh * stride_h - pad_h + kh * dilation_h
                source = ((plane * kernel_h * kernel_w + tap) * rows + oh) * columns
                target = (plane * height + ih) * width + shift
                if 0 <= ih < height:
                    for ow in range(columns):
                        if 0 <= ow * stride_w + shift < width:
                            bottom_diff[target + ow * stride_w] += top_diff[source + ow]
