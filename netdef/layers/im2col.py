"""Im2col: windows laid out as channels. Source: Caffe src/caffe/layers/im2col_layer.cpp."""

from __future__ import annotations

from math import prod

import numpy as np

from netdef.kernels import im2col as kernels
from netdef.kernels import windows
from netdef.kernels._size import sized
from netdef.layer import Layer, exactly, register_layer
from netdef.layers._axes import bottom_name, canonical_axis, refuse_in_place
from netdef.layers._window import read_window


@register_layer("Im2col")
class Im2colLayer(Layer):
    """Lays the pixels that each tap of a sliding window meets out as a channel of its own.

    Formula
        ``top[n, (c, k…), o…] = bottom[n, c, (o * stride - pad + k * dilation)…]``, 0 outside of the image. A
        Convolution is this and a product with its weights. Each pixel's gradient is the sum over its copies.
    Bottom / Top
        1 → 1: ``(N, C, H, W) → (N, C * kernel_h * kernel_w, H', W')`` with
        ``H' = floor((H + 2 pad - dilation (kernel - 1) - 1) / stride) + 1``. Any number of spatial axes.
    Learnable
        None.
    Fields
        convolution_param: kernel_size, stride, pad, dilation: pixels, one for all axes or one for each · kernel_h,
        kernel_w, stride_h, stride_w, pad_h, pad_w: the same for two axes · axis: the channels' axis, negative
        counts from the end · force_nd_im2col: compute as for any number of axes.
    Raises
        LayerError when a kernel, a stride or a dilation is 0, both spellings of a window are used, there is no
        spatial axis, or the window is larger than the padded image.
    Source
        Caffe im2col_layer.cpp:9-165.
    Differs from Caffe
        A window up to stride - 1 pixels larger than the padded image is an error; Caffe gives one output there.
        kernel_h without kernel_w (and stride likewise) is an error; Caffe reads the missing one as 0.
    """

    num_bottom, num_top = exactly(1), exactly(1)

    def layer_setup(self, bottom, top):
        refuse_in_place(self, bottom, top)
        self.fields = self.param.convolution_param
        self.axis = canonical_axis(self, self.fields.axis, bottom[0], "convolution_param.axis")
        self.axes = len(bottom[0].shape) - self.axis - 1
        if self.axes < 1:
            self.fail(
                f"axis is {self.axis} but {bottom_name(self, 0)} has shape {bottom[0].shape}; at least one spatial "
                "axis must follow the channels. Lower axis or reshape it.",
                "convolution_param.axis",
            )
        self.window = read_window(self, self.fields, "convolution_param", self.axes)

    def reshape(self, bottom, top):
        shape, window = bottom[0].shape, self.window
        if len(shape) != self.axis + 1 + self.axes:
            self.fail(
                f"{bottom_name(self, 0)} now has shape {shape}; the window was made for {self.axes} spatial "
                f"ax{'is' if self.axes == 1 else 'es'} after axis {self.axis}. Keep the number of axes.",
                "bottom",
            )
        spatial = shape[self.axis + 1 :]
        for axis, size in enumerate(spatial):
            if window.reach(axis) > size + 2 * window.pad[axis]:
                self.fail(
                    f"the window covers {window.reach(axis)} pixels along axis {self.axis + 1 + axis} of "
                    f"{bottom_name(self, 0)}, shape {shape}, but there are {size + 2 * window.pad[axis]} with "
                    "padding; it must not be larger. Lower the kernel or raise pad.",
                    "convolution_param",
                )
        pooled = tuple(
            (size + 2 * window.pad[axis] - window.reach(axis)) // window.stride[axis] + 1
            for axis, size in enumerate(spatial)
        )
        self.num, self.channels = prod(shape[: self.axis]), shape[self.axis]
        sizes = (spatial, window.kernel, window.stride, window.pad, window.dilation, pooled)
        self.two_axes = self.axes == 2 and not self.fields.force_nd_im2col
        self.geometry = sum(sizes, ()) if self.two_axes else tuple(np.array(values, np.int64) for values in sizes)
        top[0].reshape((*shape[: self.axis], self.channels * prod(window.kernel), *pooled))

    def forward(self, bottom, top):
        source, target = bottom[0].data.reshape(-1), top[0].data.reshape(-1)
        if self.two_axes:
            sized(windows.spread_windows, target.size)(source, self.num * self.channels, self.geometry, target)
            return
        for image, col in zip(np.split(source, self.num), np.split(target, self.num)):
            kernels.im2col(image, 0, self.channels, *self.geometry, col)

    def backward(self, top, propagate_down, bottom):
        if not propagate_down[0]:
            return
        source, target = top[0].diff.reshape(-1), bottom[0].diff.reshape(-1)
        if self.two_axes:
            sized(windows.gather_windows, source.size)(source, self.num * self.channels, self.geometry, target)
            return
        for col, image in zip(np.split(source, self.num), np.split(target, self.num)):
            kernels.col2im(col, self.channels, *self.geometry, image, 0)
