"""Convolution: learned filters slid over an image. Source: Caffe src/caffe/layers/{base_conv,conv}_layer.cpp."""

from __future__ import annotations

from math import prod

import numpy as np

from netdef.blob import MAX_ELEMENTS
from netdef.kernels.connections import clear_unconnected
from netdef.kernels.depthwise import DepthwisePlan
from netdef.kernels.plans import ConvolutionPlan, NdConvolutionPlan
from netdef.kernels.winograd_plan import WinogradPlan
from netdef.layer import Layer, at_least, register_layer, repeatable
from netdef.layers._axes import bottom_name, canonical_axis, refuse_in_place
from netdef.layers._connections import connection_table
from netdef.layers._gradients import gradient_of
from netdef.layers._window import read_window


def plan_convolution(
    layer: ConvolutionLayer,
    num: int,
    channels: int,
    num_output: int,
    spatial: tuple[int, ...],
    pooled: tuple[int, ...],
) -> DepthwisePlan | ConvolutionPlan | NdConvolutionPlan:
    """The plan that suits a convolution with ``layer``'s window and group, from ``spatial`` to ``pooled`` pixels."""
    window, group = layer.window, layer.group
    # Where one window fits, the stride has no effect, nor has the dilation of one tap; the kernels count in 32 bits.
    stride = tuple(min(step, size + 2 * pad) for step, size, pad in zip(window.stride, spatial, window.pad))
    dilation = tuple(apart if taps > 1 else 1 for apart, taps in zip(window.dilation, window.kernel))
    if len(spatial) > 2 or layer.fields.force_nd_im2col:
        return NdConvolutionPlan(
            num, group, channels, num_output, spatial, window.kernel, stride, window.pad, dilation, pooled, layer.dtype,
            layer.scratch,
        )  # fmt: skip
    lead = 2 - len(spatial)  # fewer than two axes: the missing ones have size 1
    spatial, pooled = (1,) * lead + tuple(spatial), (1,) * lead + tuple(pooled)
    fields = zip((1, 1, 0, 1), (window.kernel, stride, window.pad, dilation))
    taps = tuple(value for fill, values in fields for value in (fill,) * lead + values)
    if 1 < group == channels == num_output:
        return DepthwisePlan(num, group, spatial, taps, pooled, layer.dtype, layer.scratch)
    sizes = (num, group, channels, *spatial, num_output)
    plan = WinogradPlan if WinogradPlan.fits(sizes, taps, pooled) else ConvolutionPlan
    return plan(sizes, taps, pooled, layer.dtype, layer.scratch)


@register_layer("Convolution")
class ConvolutionLayer(Layer):
    """Slides ``num_output`` learned filters over the spatial axes of its bottoms.

    Formula
        ``top[n, m, o…] = bias[m] + sum_{c, k…} weight[m, c, k…] bottom[n, c0 + c, (o * stride - pad + k * dilation)…]``
        with zeros outside of the image; ``c`` runs over the ``C / group`` channels of the group of filter ``m``,
        which start at ``c0``. With a connection_table only over those channels that filter ``m`` reads; the other
        weights are 0 and stay 0, whatever a weight file says.
    Bottom / Top
        1 or more → as many: ``(N, C, H, W) → (N, num_output, H', W')`` with
        ``H' = floor((H + 2 pad - dilation (kernel - 1) - 1) / stride) + 1``. Any number of spatial axes; all
        bottoms have one shape and share the filters.
    Learnable
        weight ``(num_output, C / group, kernel_h, kernel_w)``, bias ``(num_output,)`` unless bias_term is false.
    Fields
        num_output: filters · kernel_size, stride, pad, dilation: pixels, one for all axes or one for each ·
        kernel_h, kernel_w, stride_h, stride_w, pad_h, pad_w: the same for two axes · group: groups of channels ·
        connection_table: netdef's own, one string for each channel with one letter for each filter, X where the
        filter reads the channel and . where not · bias_term · weight_filler, bias_filler · axis: the channels' axis,
        negative counts from the end · force_nd_im2col: compute as for any number of axes. engine has no effect.
    Raises
        LayerError when num_output, a kernel, a stride, a dilation or group is 0, both spellings of a window are
        used, the channels or filters do not divide by group, the window is larger than the padded image, the
        connection_table has not the net's sizes, other letters, a filter without channels or a group beside it, or
        bottoms differ.
    Source
        Caffe base_conv_layer.cpp:11-240, conv_layer.cpp:8-78; connection_table: LeCun, Bottou, Bengio and Haffner,
        "Gradient-based learning applied to document recognition", Proc. IEEE 86 (1998), table I.
    Differs from Caffe
        A window up to stride - 1 pixels larger than the padded image is an error; Caffe gives one output there.
        kernel_h without kernel_w (and stride likewise) is an error; Caffe reads the missing one as 0. Large
        convolutions of 3x3 taps with stride 1 are computed by Winograd's F(4x4, 3x3), with rounding errors of up to
        some 1e-5 of the largest value in float32.
    """

    num_bottom, num_top = at_least(1), at_least(1)
    same_num_bottom_top = True
    takes_connections = True
    connected: np.ndarray | None = None  # (num_output, channels), 1 where a filter reads a channel; None: all do

    def layer_setup(self, bottom, top):
        refuse_in_place(self, bottom, top)
        self.fields = self.param.convolution_param
        self.axis = canonical_axis(self, self.fields.axis, bottom[0], "convolution_param.axis")
        self.channels = bottom[0].shape[self.axis]
        self.spatial_axes = len(bottom[0].shape) - self.axis - 1
        self.window = read_window(self, self.fields, "convolution_param", self.spatial_axes)
        self.read_channels()
        self.connected = connection_table(self)
        self.add_weight()
        if self.fields.bias_term:
            self.add_param((self.num_output,), self.fields.bias_filler, "convolution_param.bias_filler")
        self.planned_shape = None

    def add_weight(self):
        """Declare the filters."""
        shape = (self.num_output, self.channels // self.group, *self.window.kernel)
        self.add_param(shape, self.fields.weight_filler, "convolution_param.weight_filler", self._clear)

    def _clear(self, values):
        """Make those of the filters' values 0 that the connection_table leaves out."""
        if self.connected is not None:
            clear_unconnected(self.connected, values.reshape(self.num_output, self.channels, -1))

    def unused_count(self, index):
        if index > 0 or self.connected is None:
            return 0
        return prod(self.window.kernel) * int((self.connected == 0).sum())

    def read_channels(self):
        """Read num_output and group."""
        self.num_output, self.group = num_output, group = self.fields.num_output, self.fields.group
        if num_output < 1:
            found = "is 0" if self.fields.HasField("num_output") else "is missing"
            self.fail(
                f"num_output {found}; it must say how many filters there are, at least 1. Set num_output.",
                "convolution_param.num_output",
            )
        if group < 1:
            self.fail("group is 0; it must be at least 1. Raise it.", "convolution_param.group")
        if self.channels % group:
            self.fail(
                f"group is {group} but {bottom_name(self, 0)} has {self.channels} channels; "
                "they must divide evenly into groups. Change group or the channels.",
                "convolution_param.group",
            )
        if num_output % group:
            self.fail(
                f"group is {group} but num_output is {num_output}; the filters must divide evenly into groups. "
                "Change group or num_output.",
                "convolution_param.group",
            )

    def reshape(self, bottom, top):
        shape = bottom[0].shape
        if shape != self.planned_shape:
            self._check_shape(shape)
            self._plan(shape)
        for index, blob in enumerate(bottom[1:], 1):
            if blob.shape != shape:
                self.fail(
                    f"{bottom_name(self, index)} has shape {blob.shape} but {bottom_name(self, 0)} has shape {shape}; "
                    "all bottoms must have one shape. Make them equal.",
                    "bottom",
                )
        for blob in top:
            blob.reshape(self.top_shape)

    def _check_shape(self, shape):
        if len(shape) != self.axis + 1 + self.spatial_axes or shape[self.axis] != self.channels:
            wanted = f"{self.axis + 1 + self.spatial_axes} axes with {self.channels} channels at axis {self.axis}"
            self.fail(
                f"{bottom_name(self, 0)} now has shape {shape}; the filters were made for {wanted}. "
                "Change only the other axes.",
                "bottom",
            )

    def pooled_shape(self, shape):
        """Spatial shape of the top for a bottom of ``shape`` (conv_layer.cpp:8-22)."""
        window = self.window
        for axis, size in enumerate(shape[self.axis + 1 :]):
            padded = size + 2 * window.pad[axis]
            if window.reach(axis) > padded:
                self.fail(
                    f"the window covers {window.reach(axis)} pixels along axis {self.axis + 1 + axis} of "
                    f"{bottom_name(self, 0)}, shape {shape}, but there are {padded} with padding; "
                    "it must not be larger. Lower the kernel or raise pad.",
                    "convolution_param",
                )
        pooled = tuple(
            (size + 2 * window.pad[axis] - window.reach(axis)) // window.stride[axis] + 1
            for axis, size in enumerate(shape[self.axis + 1 :])
        )
        padded = tuple(size + 2 * pad for size, pad in zip(shape[self.axis + 1 :], window.pad))
        most = max(prod(shape[: self.axis]) * self.num_output * prod(pooled), self.channels * prod(padded))
        if most > MAX_ELEMENTS:
            self.fail(
                f"{bottom_name(self, 0)}, shape {shape}, has {'x'.join(map(str, padded))} pixels with padding and "
                f"would become a top of {'x'.join(map(str, pooled))}, more than {MAX_ELEMENTS} elements in all. "
                "Lower pad.",
                "convolution_param",
            )
        return pooled

    def make_plan(self, num, spatial, pooled):
        """The plan of the calls for ``num`` images of ``spatial`` pixels."""
        return plan_convolution(self, num, self.channels, self.num_output, spatial, pooled)

    def _plan(self, shape):
        pooled = self.pooled_shape(shape)
        self.top_shape = (*shape[: self.axis], self.num_output, *pooled)
        self.plan = self.make_plan(prod(shape[: self.axis]), shape[self.axis + 1 :], pooled)
        self.planned_shape = shape

    @repeatable
    def forward(self, bottom, top):
        self._forward(bottom, top)

    @property
    def can_finish(self) -> bool:
        """Whether `forward_finished` works for the shapes of now."""
        return self.axis == 1 and self.connected is None and self.plan.can_finish

    def forward_finished(self, bottom, top, finish):
        """`forward`, and what layers in place would do to the top, as `netdef.kernels.finish` says."""
        self._forward(bottom, top, finish)

    def _forward(self, bottom, top, *finish):
        weight = self.blobs[0].data.reshape(-1)
        self._clear(weight)  # they may have come from a file
        bias = self.blobs[1].data if self.fields.bias_term else None
        for source, target in zip(bottom, top):
            self.plan.forward(source.data.reshape(-1), weight, bias, target.data.reshape(-1), *finish)

    @property
    def pools(self) -> bool:
        """Whether there is `forward_and_pool`."""
        return self.connected is None and isinstance(self.plan, ConvolutionPlan) and self.plan.pools

    def forward_and_pool(self, bottom, top, pooling, pooled):
        """`forward` with one bottom, and that of a MAX pooling of its top."""
        bias = self.blobs[1].data if self.fields.bias_term else None
        self.plan.forward_and_pool(
            bottom.data.reshape(-1), self.blobs[0].data.reshape(-1), bias, top.data.reshape(-1), *pooling.maxima(pooled)
        )

    @property
    def spreads(self) -> bool:
        """Whether there is `spread_and_backward`."""
        return self.pools and self.plan.spreads and self.param_propagate_down[0]

    def spread_and_backward(self, top, wanted, bottom, pooling, pooled):
        """`backward`, and before it that of a MAX pooling of the top over windows that touch but do not overlap."""
        top_diff = top.diff.reshape(-1)
        self.plan.spread_and_backward_weight(
            bottom.data.reshape(-1), top_diff, gradient_of(self.blobs[0]), self._bias_diff(), *pooling.gradients(pooled)
        )
        if wanted:
            self.plan.backward_data(top_diff, self.blobs[0].data.reshape(-1), bottom.diff.reshape(-1))

    def _bias_diff(self):
        """The gradient of the bias, or None where there is none."""
        return gradient_of(self.blobs[1]) if self.fields.bias_term and self.param_propagate_down[1] else None

    @repeatable
    def backward(self, top, propagate_down, bottom):
        weight = self.blobs[0].data.reshape(-1)
        for target, wanted, source in zip(top, propagate_down, bottom):
            top_diff = target.diff.reshape(-1)
            bias_diff = self._bias_diff()
            if self.param_propagate_down[0]:
                weight_diff = gradient_of(self.blobs[0])
                self.plan.backward_weight(source.data.reshape(-1), top_diff, weight_diff, bias_diff)
                self._clear(weight_diff)
            elif bias_diff is not None:
                self.plan.backward_bias(top_diff, bias_diff)
            if wanted:
                self.plan.backward_data(top_diff, weight, source.diff.reshape(-1))
