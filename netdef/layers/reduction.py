"""Reduction: sums over the last axes. Source: Caffe src/caffe/layers/reduction_layer.cpp."""

from __future__ import annotations

import numpy as np

from netdef.kernels import reduction as kernels
from netdef.kernels._size import sized
from netdef.layer import Layer, exactly, register_layer
from netdef.layers._axes import canonical_axis, refuse_in_place
from prototxt import schema

MEAN = schema.ReductionParameter.MEAN


@register_layer("Reduction")
class ReductionLayer(Layer):
    """Makes one value of all axes from one on: their sum, or that of their absolute values or squares, or the mean.

    Formula
        SUM: ``top[n] = coeff * sum_i bottom[n, i]`` · ASUM: of ``|bottom|`` · SUMSQ: of ``bottom ** 2`` · MEAN: the
        sum divided by the number of values. ``bottom.diff[n, i] = coeff * top.diff[n]``, times the sign, times
        twice the bottom, or divided by the number.
    Bottom / Top
        1 → 1: with axis 1, ``(N, C, H, W)`` → ``(N,)``; with axis 0 a scalar.
    Learnable
        None.
    Fields
        operation: SUM (the default), ASUM, SUMSQ or MEAN · axis: first axis that goes, 0 if not given, negative
        counts from the end · coeff: factor of the result, 1 if not given.
    Raises
        LayerError when the axis does not exist, or the top is also the bottom.
    Source
        Caffe reduction_layer.cpp:8-120.
    Differs from Caffe
        Running in place is an error instead of a wrong result.
    """

    num_bottom, num_top = exactly(1), exactly(1)

    def layer_setup(self, bottom, top):
        refuse_in_place(self, bottom, top)
        operation = self.param.reduction_param.operation
        self.operation = kernels.SUM if operation == MEAN else operation

    def reshape(self, bottom, top):
        fields = self.param.reduction_param
        axis = canonical_axis(self, fields.axis, bottom[0], "reduction_param.axis")
        self.rows = (bottom[0].count_from(0, axis), bottom[0].count_from(axis))
        divisor = max(self.rows[1], 1) if fields.operation == MEAN else 1
        self.coeff = self.dtype.type(self.dtype.type(fields.coeff) / divisor)
        top[0].reshape(bottom[0].shape[:axis])

    def forward(self, bottom, top):
        partial = self.scratch("partial", (self.rows[0], kernels.num_chunks(self.rows[1])), np.float64)
        run = sized(kernels.reduce_forward, bottom[0].count)
        run(bottom[0].data.reshape(self.rows), self.operation, self.coeff, partial, top[0].data.reshape(-1))

    def backward(self, top, propagate_down, bottom):
        if propagate_down[0]:
            run = sized(kernels.reduce_backward, bottom[0].count)
            bottom_data, bottom_diff = bottom[0].data.reshape(self.rows), bottom[0].diff.reshape(self.rows)
            run(bottom_data, top[0].diff.reshape(-1), self.operation, self.coeff, bottom_diff)
